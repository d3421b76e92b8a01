#include <numeric>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

template <class T>
TestTensor counted(std::vector<int64_t> dims) {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  std::vector<T> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(i * 2654435761u + 17);
  return tensor<T>(std::move(dims), values);
}

std::vector<int64_t> index_of(int64_t linear, const std::vector<int64_t>& dims) {
  std::vector<int64_t> index(dims.size());
  for (size_t axis = dims.size(); axis-- > 0;) {
    index[axis] = linear % dims[axis];
    linear /= dims[axis];
  }
  return index;
}

int64_t linear_of(const std::vector<int64_t>& index, const std::vector<int64_t>& dims) {
  int64_t linear = 0;
  for (size_t axis = 0; axis < dims.size(); ++axis) linear = linear * dims[axis] + index[axis];
  return linear;
}

template <class T>
class MovementTest : public ::testing::Test {};
using ElementSizes = ::testing::Types<uint8_t, int16_t, float, int64_t>;
TYPED_TEST_SUITE(MovementTest, ElementSizes);

TYPED_TEST(MovementTest, TransposeEqualsItsDefinitionForAllPermutations) {
  using T = TypeParam;
  const std::vector<std::vector<int64_t>> shapes = {
      {1, 1}, {3, 5}, {64, 65}, {2, 3, 5}, {7, 1, 33}, {2, 33, 3, 34}, {5, 0, 2}, {2, 3, 2, 3, 2}};
  for (const std::vector<int64_t>& dims : shapes) {
    const TestTensor x = counted<T>(dims);
    const std::vector<T> values = x.values<T>();
    std::vector<int64_t> permutation(dims.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    do {
      std::vector<int64_t> turned(dims.size());
      for (size_t i = 0; i < dims.size(); ++i) turned[i] = dims[permutation[i]];
      std::vector<T> expected(values.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        const std::vector<int64_t> to = index_of(i, turned);
        std::vector<int64_t> from(dims.size());
        for (size_t axis = 0; axis < dims.size(); ++axis) from[permutation[axis]] = to[axis];
        expected[i] = values[linear_of(from, dims)];
      }
      const TestTensor y = run("Transpose", {x}, x.dtype, turned, permutation);
      ASSERT_EQ(y.values<T>(), expected) << ::testing::PrintToString(permutation);
    } while (std::next_permutation(permutation.begin(), permutation.end()));
  }
}

TYPED_TEST(MovementTest, LargeTransposesAreSplitOverThreadsWithoutChange) {
  using T = TypeParam;
  const TestTensor x = counted<T>({3, 257, 131});
  const TestTensor one = run("Transpose", {x}, x.dtype, {3, 131, 257}, {0, 2, 1}, {}, 1);
  const TestTensor four = run("Transpose", {x}, x.dtype, {3, 131, 257}, {0, 2, 1}, {}, 4);
  EXPECT_EQ(one.bytes, four.bytes);
  EXPECT_EQ(run("Transpose", {one}, x.dtype, x.dims, {0, 2, 1}).bytes, x.bytes);
}

TYPED_TEST(MovementTest, SplitUndoesConcat) {
  using T = TypeParam;
  for (int64_t axis = 0; axis < 3; ++axis) {
    std::vector<TestTensor> parts;
    std::vector<TestTensor> again;
    std::vector<int64_t> attributes{axis};
    std::vector<int64_t> whole{4, 5, 6};
    whole[axis] = 0;
    for (const int64_t size : {3, 0, 1, 8}) {
      std::vector<int64_t> dims{4, 5, 6};
      dims[axis] = size;
      whole[axis] += size;
      parts.push_back(counted<T>(dims));
      again.push_back(empty(parts.back().dtype, dims));
      attributes.push_back(size);
    }
    const TestTensor joined = run("Concat", parts, parts[0].dtype, whole, {axis});
    ASSERT_EQ(try_call("Split", {joined}, again, attributes), DMT_OK) << dmt_last_error();
    for (size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(parts[i].bytes, again[i].bytes);
  }
}

TYPED_TEST(MovementTest, SliceEqualsItsDefinitionForAllSigns) {
  using T = TypeParam;
  const std::vector<int64_t> dims{7, 9, 5};
  const TestTensor x = counted<T>(dims);
  const std::vector<T> values = x.values<T>();
  struct Range {
    int64_t first, step, count;
  };
  const std::vector<Range> ranges{{0, 1, 5},  {4, -1, 5},  {1, 2, 2},
                                  {4, -3, 2}, {2, 100, 1}, {3, 1, 0}};
  for (const Range& a : ranges) {
    for (const Range& b : ranges) {
      for (const Range& c : ranges) {
        const std::vector<int64_t> out{a.count, b.count, c.count};
        std::vector<T> expected;
        for (int64_t i = 0; i < a.count; ++i) {
          for (int64_t j = 0; j < b.count; ++j) {
            for (int64_t k = 0; k < c.count; ++k) {
              expected.push_back(values[linear_of(
                  {a.first + i * a.step, b.first + j * b.step, c.first + k * c.step}, dims)]);
            }
          }
        }
        const TestTensor y =
            run("Slice", {x}, x.dtype, out, {a.first, b.first, c.first, a.step, b.step, c.step});
        ASSERT_EQ(y.values<T>(), expected);
      }
    }
  }
}

TYPED_TEST(MovementTest, ExpandAndTileRepeat) {
  using T = TypeParam;
  const TestTensor x = counted<T>({3, 1, 2});
  const std::vector<T> v = x.values<T>();
  const TestTensor expanded = run("Expand", {x}, x.dtype, {2, 3, 4, 2});
  const TestTensor tiled = run("Tile", {x}, x.dtype, {6, 4, 2});
  for (int64_t i = 0; i < 48; ++i) {
    const std::vector<int64_t> at = index_of(i, {2, 3, 4, 2});
    EXPECT_EQ(expanded.values<T>()[i], v[at[1] * 2 + at[3]]);
    EXPECT_EQ(tiled.values<T>()[i], v[i / 8 % 3 * 2 + i % 2]);
  }
}

// What numpy.pad makes of 0 1 2 3 with 5 in front and 6 behind.
TYPED_TEST(MovementTest, PadKnowsFourModes) {
  using T = TypeParam;
  const TestTensor x = tensor<T>({1, 4}, {T(0), T(1), T(2), T(3)});
  const std::vector<std::vector<int>> expected{{9, 9, 9, 9, 9, 0, 1, 2, 3, 9, 9, 9, 9, 9, 9},
                                               {1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3},
                                               {0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3},
                                               {3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1}};
  for (int64_t mode = 0; mode < 4; ++mode) {
    const TestTensor y =
        run("Pad", {x, tensor<T>({}, {T(9)})}, x.dtype, {1, 15}, {mode, 0, 5}, {0});
    std::vector<T> wanted;
    for (const int value : expected[mode]) wanted.push_back(static_cast<T>(value));
    EXPECT_EQ(y.values<T>(), wanted) << mode;
  }
}

TYPED_TEST(MovementTest, NegativePadsCrop) {
  using T = TypeParam;
  const TestTensor x = counted<T>({4, 6});
  const std::vector<T> v = x.values<T>();
  const TestTensor y = run("Pad", {x, {}}, x.dtype, {3, 5}, {0, 1, -2}, {7});
  const T c = static_cast<T>(7);
  EXPECT_EQ(y.values<T>(), (std::vector<T>{c, c, c, c, c, v[2], v[3], v[4], v[5], c, v[8], v[9],
                                           v[10], v[11], c}));
}

TYPED_TEST(MovementTest, SpaceToDepthUndoesDepthToSpace) {
  using T = TypeParam;
  const TestTensor x = counted<T>({2, 12, 3, 5});
  const TestTensor blocks = run("DepthToSpace", {x}, x.dtype, {2, 3, 6, 10}, {2, 0});
  EXPECT_EQ(run("SpaceToDepth", {blocks}, x.dtype, x.dims, {2}).bytes, x.bytes);
}

TYPED_TEST(MovementTest, TriluKeepsOneSideOfADiagonal) {
  using T = TypeParam;
  const TestTensor x = counted<T>({2, 3, 4});
  const std::vector<T> v = x.values<T>();
  for (int64_t upper = 0; upper < 2; ++upper) {
    for (int64_t k : {-9, -2, -1, 0, 1, 3, 4, 9}) {
      const std::vector<T> y =
          run("Trilu", {x, tensor<int64_t>({}, {k})}, x.dtype, x.dims, {upper}).values<T>();
      for (int64_t i = 0; i < 24; ++i) {
        const int64_t distance = i % 4 - i / 4 % 3;
        const bool kept = upper ? distance >= k : distance <= k;
        EXPECT_EQ(y[i], kept ? v[i] : T(0));
      }
    }
  }
}

TEST(Movement, ReverseSequenceReversesEachLength) {
  const TestTensor x = tensor<float>({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  const TestTensor lengths = tensor<int64_t>({2}, {3, 0});
  EXPECT_EQ(run("ReverseSequence", {x, lengths}, DMT_F32, {4, 2}, {1, 0}).values<float>(),
            (std::vector<float>{4, 1, 2, 3, 0, 5, 6, 7}));
  std::vector<TestTensor> out{empty(DMT_F32, {4, 2})};
  EXPECT_EQ(try_call("ReverseSequence", {x, tensor<int64_t>({2}, {5, 0})}, out, {1, 0}),
            DMT_INVALID_ARGUMENT);
}

TEST(Movement, ConstantsComeFromAttributes) {
  EXPECT_EQ(run("Constant", {}, DMT_S64, {2}, {3, -4}).values<int64_t>(),
            (std::vector<int64_t>{3, -4}));
  EXPECT_EQ(run("Constant", {}, DMT_F64, {1}, {}, {0.1}).values<double>(),
            (std::vector<double>{0.1}));
  EXPECT_EQ(run("Fill", {}, DMT_U8, {3}, {255}).values<uint8_t>(),
            (std::vector<uint8_t>{255, 255, 255}));
  EXPECT_EQ(run("Fill", {}, DMT_F16, {1}, {}, {1.0}).bytes, (std::vector<uint8_t>{0x00, 0x3c}));
  EXPECT_EQ(run("Fill", {}, DMT_F32, {0, 3}, {}, {1.0}).bytes.size(), 0u);
}

TEST(Movement, WhatDoesNotFitIsRejected) {
  const TestTensor x = counted<float>({2, 3});
  const auto rejected = [&](const char* name, std::vector<TestTensor> inputs,
                            std::vector<int64_t> out_dims, std::vector<int64_t> integers,
                            std::vector<double> floats = {}) {
    std::vector<TestTensor> out{empty(DMT_F32, std::move(out_dims))};
    EXPECT_EQ(try_call(name, inputs, out, integers, floats), DMT_INVALID_ARGUMENT) << name;
  };
  rejected("Transpose", {x}, {2, 3}, {1, 0});
  rejected("Transpose", {x}, {2, 2}, {0, 0});
  rejected("Transpose", {x}, {3, 2}, {1});
  rejected("Concat", {x, x}, {2, 5}, {1});
  rejected("Concat", {x, counted<float>({3, 3})}, {4, 3}, {0});
  rejected("Concat", {}, {4, 3}, {0});
  rejected("Split", {x}, {2, 2}, {1, 2});
  rejected("Split", {x}, {2, 0}, {1, -1});
  {  // sizes whose sum wraps around to 3, the first two of unwanted outputs
    std::vector<TestTensor> out{{}, {}, empty(DMT_F32, {2, 5})};
    EXPECT_EQ(try_call("Split", {x}, out, {1, INT64_MAX, INT64_MAX, 5}), DMT_INVALID_ARGUMENT);
  }
  rejected("Slice", {x}, {2, 3}, {0, 1, 1, 1});
  rejected("Slice", {x}, {2, 2}, {0, 0, 1, INT64_MAX});
  rejected("Slice", {x}, {2, 1}, {0, -1, 1, 1});
  rejected("Expand", {x}, {3}, {});
  rejected("Expand", {x}, {2, 4}, {});
  rejected("Tile", {x}, {2, 4}, {});
  rejected("Pad", {x, {}}, {2, 3}, {9, 0, 0}, {0});
  rejected("Pad", {x, {}}, {2, 3}, {1, INT64_MIN, 0}, {0});
  rejected("Pad", {counted<float>({0, 3}), {}}, {2, 3}, {2, 1, 0}, {0});
  {
    std::vector<TestTensor> out{packed(DMT_U4, {}, {0})};
    EXPECT_EQ(try_call("Pad", {packed(DMT_U4, {}, {7})}, out, {0}, {0}), DMT_UNSUPPORTED);
  }
  rejected("Trilu", {counted<float>({3})}, {3}, {1});
  rejected("Trilu", {x, tensor<int64_t>({2}, {0, 0})}, {2, 3}, {1});
  rejected("DepthToSpace", {counted<float>({1, 3, 2, 2})}, {1, 0, 4, 4}, {2, 0});
  rejected("Constant", {}, {2}, {1});
}

}  // namespace
}  // namespace demitasse::testing
