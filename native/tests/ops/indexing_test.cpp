#include <cmath>
#include <limits>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

template <class T>
class IndexingTest : public ::testing::Test {};
using ElementSizes = ::testing::Types<uint8_t, int16_t, float, int64_t>;
TYPED_TEST_SUITE(IndexingTest, ElementSizes);

template <class T>
TestTensor counted(std::vector<int64_t> dims) {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  std::vector<T> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(i);
  return tensor<T>(std::move(dims), values);
}

TYPED_TEST(IndexingTest, GatherTakesSlicesOfAnyAxis) {
  using T = TypeParam;
  const TestTensor x = counted<T>({2, 3, 4});
  const TestTensor picks = tensor<int64_t>({2, 1}, {-1, 1});
  EXPECT_EQ(run("Gather", {x, picks}, x.dtype, {2, 2, 1, 4}, {1}).template values<T>(),
            (std::vector<T>{8, 9, 10, 11, 4, 5, 6, 7, 20, 21, 22, 23, 16, 17, 18, 19}));
  EXPECT_EQ(run("Gather", {x, tensor<int32_t>({}, {2})}, x.dtype, {2, 3}, {2}).template values<T>(),
            (std::vector<T>{2, 6, 10, 14, 18, 22}));
}

TYPED_TEST(IndexingTest, GatherElementsTakesElementsAlongAnAxis) {
  using T = TypeParam;
  const TestTensor x = counted<T>({3, 3});
  const TestTensor picks = tensor<int64_t>({2, 2}, {1, -1, 0, 2});
  EXPECT_EQ(run("GatherElements", {x, picks}, x.dtype, {2, 2}, {0}).template values<T>(),
            (std::vector<T>{3, 7, 0, 7}));
  EXPECT_EQ(run("GatherElements", {x, picks}, x.dtype, {2, 2}, {1}).template values<T>(),
            (std::vector<T>{1, 2, 3, 5}));
}

TYPED_TEST(IndexingTest, GatherNdTakesSlicesByTuples) {
  using T = TypeParam;
  const TestTensor x = counted<T>({2, 2, 3});
  EXPECT_EQ(run("GatherND", {x, tensor<int64_t>({2, 2}, {0, -1, 1, 0})}, x.dtype, {2, 3}, {0})
                .template values<T>(),
            (std::vector<T>{3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(run("GatherND", {x, tensor<int64_t>({2, 1}, {1, 0})}, x.dtype, {2, 3}, {1})
                .template values<T>(),
            (std::vector<T>{3, 4, 5, 6, 7, 8}));
}

TYPED_TEST(IndexingTest, ScatterReplacesAndCombines) {
  using T = TypeParam;
  const TestTensor x = counted<T>({2, 3});
  const TestTensor at = tensor<int64_t>({1, 3}, {1, -1, 1});
  const TestTensor updates = tensor<T>({1, 3}, {7, 7, 9});
  const auto scatter = [&](int64_t axis, int64_t reduction) {
    return run("ScatterElements", {x, at, updates}, x.dtype, {2, 3}, {axis, reduction})
        .template values<T>();
  };
  EXPECT_EQ(scatter(1, 0), (std::vector<T>{0, 9, 7, 3, 4, 5}));
  EXPECT_EQ(scatter(1, 1), (std::vector<T>{0, 17, 9, 3, 4, 5}));
  EXPECT_EQ(scatter(1, 2), (std::vector<T>{0, 63, 14, 3, 4, 5}));
  EXPECT_EQ(scatter(1, 3), (std::vector<T>{0, 9, 7, 3, 4, 5}));
  EXPECT_EQ(scatter(1, 4), (std::vector<T>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(scatter(0, 0), (std::vector<T>{0, 1, 2, 7, 7, 9}));
  EXPECT_EQ(run("ScatterND", {x, tensor<int64_t>({2, 1}, {1, 1}), counted<T>({2, 3})}, x.dtype,
                {2, 3}, {1})
                .template values<T>(),
            (std::vector<T>{0, 1, 2, 6, 9, 12}));
}

TYPED_TEST(IndexingTest, CompressKeepsWhatIsTrue) {
  using T = TypeParam;
  const TestTensor x = counted<T>({3, 2});
  const TestTensor some = tensor<Bool>({3}, {Bool(false), Bool(true), Bool(true)});
  EXPECT_EQ(run("Compress", {x, some}, x.dtype, {2, 2}, {0}).template values<T>(),
            (std::vector<T>{2, 3, 4, 5}));
  EXPECT_EQ(run("Compress", {x, some}, x.dtype, {2}).template values<T>(), (std::vector<T>{1, 2}));
}

TYPED_TEST(IndexingTest, OneHotWrapsNegativeIndicesAndIgnoresOthers) {
  using T = TypeParam;
  const TestTensor indices = tensor<int64_t>({3}, {1, -1, 3});
  const TestTensor values = tensor<T>({2}, {2, 5});
  EXPECT_EQ(run("OneHot", {indices, values}, values.dtype, {3, 3}, {1}).template values<T>(),
            (std::vector<T>{2, 5, 2, 2, 2, 5, 2, 2, 2}));
  EXPECT_EQ(run("OneHot", {tensor<float>({1}, {NAN}), values}, values.dtype, {2, 1}, {0})
                .template values<T>(),
            (std::vector<T>{2, 2}));
}

TYPED_TEST(IndexingTest, TopKOrdersByValueThenByIndex) {
  using T = TypeParam;
  const TestTensor x = tensor<T>({2, 4}, {3, 9, 9, 1, 4, 4, 0, 7});
  std::vector<TestTensor> out{empty(x.dtype, {2, 3}), empty(DMT_S64, {2, 3})};
  ASSERT_EQ(try_call("TopK", {x}, out, {1, 1}), DMT_OK) << dmt_last_error();
  EXPECT_EQ(out[0].template values<T>(), (std::vector<T>{9, 9, 3, 7, 4, 4}));
  EXPECT_EQ(out[1].template values<int64_t>(), (std::vector<int64_t>{1, 2, 0, 3, 0, 1}));
  std::vector<TestTensor> least{empty(x.dtype, {1, 4}), TestTensor{}};
  ASSERT_EQ(try_call("TopK", {x}, least, {0, 0}), DMT_OK) << dmt_last_error();
  EXPECT_EQ(least[0].template values<T>(), (std::vector<T>{3, 4, 0, 1}));
}

TEST(Indexing, TopKCountsNanAsTheLargest) {
  const float inf = std::numeric_limits<float>::infinity();
  const TestTensor x = tensor<float>({5}, {1, NAN, inf, NAN, -inf});
  std::vector<TestTensor> out{empty(DMT_F32, {5}), empty(DMT_S64, {5})};
  ASSERT_EQ(try_call("TopK", {x}, out, {0, 1}), DMT_OK);
  EXPECT_EQ(out[1].values<int64_t>(), (std::vector<int64_t>{1, 3, 2, 0, 4}));
}

TEST(Indexing, NonZeroGivesOneRowPerAxis) {
  const TestTensor x = tensor<float>({2, 3}, {0, -1, NAN, 0, 0, 2});
  EXPECT_EQ(run("NonZero", {x}, DMT_S64, {2, 3}).values<int64_t>(),
            (std::vector<int64_t>{0, 0, 1, 1, 2, 2}));
  std::vector<TestTensor> small{empty(DMT_S64, {2, 2})};
  EXPECT_EQ(try_call("NonZero", {x}, small), DMT_INVALID_ARGUMENT);
}

TEST(Indexing, IndicesOutsideAreNamedWithTheirBound) {
  const TestTensor x = counted<float>({3, 2});
  std::vector<TestTensor> out{empty(DMT_F32, {1, 2})};
  for (const int64_t index : {int64_t{3}, int64_t{-4}, INT64_MAX, INT64_MIN}) {
    ASSERT_EQ(try_call("Gather", {x, tensor<int64_t>({1}, {index})}, out, {0}),
              DMT_INVALID_ARGUMENT);
    EXPECT_NE(std::string(dmt_last_error()).find(std::to_string(index)), std::string::npos);
    EXPECT_NE(std::string(dmt_last_error()).find("-3..2"), std::string::npos);
    EXPECT_EQ(try_call("GatherElements", {x, tensor<int64_t>({1, 2}, {0, index})}, out, {0}),
              DMT_INVALID_ARGUMENT);
    EXPECT_EQ(try_call("GatherND", {x, tensor<int64_t>({1, 1}, {index})}, out, {0}),
              DMT_INVALID_ARGUMENT);
    std::vector<TestTensor> same{empty(DMT_F32, {3, 2})};
    EXPECT_EQ(try_call("ScatterElements",
                       {x, tensor<int64_t>({1, 1}, {index}), counted<float>({1, 1})}, same, {0, 0}),
              DMT_INVALID_ARGUMENT);
    EXPECT_EQ(try_call("ScatterND", {x, tensor<int64_t>({1, 1}, {index}), counted<float>({1, 2})},
                       same, {0}),
              DMT_INVALID_ARGUMENT);
  }
}

TEST(Indexing, ShapesThatDoNotFitAreRejected) {
  const TestTensor x = counted<float>({3, 2});
  const TestTensor one = tensor<int64_t>({1}, {0});
  const auto rejected = [](const char* name, const std::vector<TestTensor>& inputs,
                           std::vector<int64_t> out_dims, const std::vector<int64_t>& integers) {
    std::vector<TestTensor> out{empty(DMT_F32, std::move(out_dims))};
    EXPECT_EQ(try_call(name, inputs, out, integers), DMT_INVALID_ARGUMENT) << name;
  };
  rejected("Gather", {x, one}, {2, 2}, {0});
  rejected("Gather", {x, one}, {1, 2}, {2});
  rejected("GatherElements", {x, one}, {1}, {0});
  rejected("GatherElements", {x, tensor<int64_t>({1, 3}, {0, 0, 0})}, {1, 3}, {0});
  rejected("GatherND", {x, tensor<int64_t>({}, {0})}, {1}, {0});
  rejected("GatherND", {x, tensor<int64_t>({1, 3}, {0, 0, 0})}, {1}, {0});
  rejected("GatherND", {x, one}, {2}, {1});
  rejected("ScatterElements", {x, tensor<int64_t>({1, 1}, {0}), counted<float>({1, 2})}, {3, 2},
           {0, 0});
  rejected("ScatterElements", {x, tensor<int64_t>({1, 1}, {0}), counted<float>({1, 1})}, {3, 2},
           {0, 9});
  rejected("ScatterND", {x, tensor<int64_t>({1, 1}, {0}), counted<float>({2})}, {3, 2}, {0});
  rejected("OneHot", {one, tensor<float>({2}, {0, 1})}, {3}, {0});
  rejected("TopK", {x}, {4, 2}, {0, 1});
  rejected("Compress", {x, tensor<Bool>({3}, {Bool(true), Bool(true), Bool(true)})}, {3, 3}, {1});
}

}  // namespace
}  // namespace demitasse::testing
