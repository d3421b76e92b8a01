#include <cmath>
#include <numeric>
#include <random>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

using Dims = std::vector<int64_t>;

int64_t count(const Dims& dims) {
  int64_t result = 1;
  for (const int64_t dim : dims) result *= dim;
  return result;
}

// Small integers: every product and sum is exact in all types.
template <class T>
TestTensor small(Dims dims, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<T> values(static_cast<size_t>(count(dims)));
  for (T& value : values) {
    value = static_cast<T>(static_cast<Compute<T>>(static_cast<int>(generator() % 5)));
  }
  return tensor<T>(std::move(dims), values);
}

template <class T>
std::vector<double> doubles(const TestTensor& tensor) {
  std::vector<double> result;
  for (const T value : tensor.values<T>()) {
    result.push_back(static_cast<double>(static_cast<Compute<T>>(value)));
  }
  return result;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, int64_t m,
                            int64_t k, int64_t n) {
  std::vector<double> c(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t x = 0; x < k; ++x) c[i * n + j] += a[i * k + x] * b[x * n + j];
    }
  }
  return c;
}

template <class T>
class MatMulTest : public ::testing::Test {};
using Numbers = ::testing::Types<float, double, Float16, Bfloat16, int32_t, int64_t, uint8_t>;
TYPED_TEST_SUITE(MatMulTest, Numbers);

TYPED_TEST(MatMulTest, MatricesOfOddSizes) {
  using T = TypeParam;
  for (const Dims& mkn :
       std::vector<Dims>{{1, 1, 1}, {3, 5, 2}, {17, 6, 33}, {2, 0, 3}, {0, 2, 3}}) {
    const int64_t m = mkn[0], k = mkn[1], n = mkn[2];
    const TestTensor a = small<T>({m, k}, 1), b = small<T>({k, n}, 2);
    const TestTensor c = run("MatMul", {a, b}, a.dtype, {m, n}, {0, 0}, {1});
    EXPECT_EQ(doubles<T>(c), product(doubles<T>(a), doubles<T>(b), m, k, n));
  }
}

TYPED_TEST(MatMulTest, TransposedOperands) {
  using T = TypeParam;
  const TestTensor a = small<T>({2, 7, 5}, 3), b = small<T>({2, 9, 7}, 4);
  const TestTensor at = run("Transpose", {a}, a.dtype, {2, 5, 7}, {0, 2, 1});
  const TestTensor bt = run("Transpose", {b}, b.dtype, {2, 7, 9}, {0, 2, 1});
  EXPECT_EQ(run("MatMul", {a, b}, a.dtype, {2, 5, 9}, {1, 1}, {1}).bytes,
            run("MatMul", {at, bt}, a.dtype, {2, 5, 9}, {0, 0}, {1}).bytes);
}

TYPED_TEST(MatMulTest, BatchesBroadcastAndVectorsLoseTheirDimension) {
  using T = TypeParam;
  const TestTensor a = small<T>({2, 1, 3, 4}, 5), b = small<T>({3, 4, 2}, 6);
  const std::vector<double> c =
      doubles<T>(run("MatMul", {a, b}, a.dtype, {2, 3, 3, 2}, {0, 0}, {1}));
  const std::vector<double> av = doubles<T>(a), bv = doubles<T>(b);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      const std::vector<double> expected =
          product({av.begin() + i * 12, av.begin() + (i + 1) * 12},
                  {bv.begin() + j * 8, bv.begin() + (j + 1) * 8}, 3, 4, 2);
      const auto at = c.begin() + (i * 3 + j) * 6;
      EXPECT_EQ(std::vector<double>(at, at + 6), expected);
    }
  }
  const TestTensor v = small<T>({4}, 7);
  EXPECT_EQ(doubles<T>(run("MatMul", {v, b}, v.dtype, {3, 2}, {0, 0}, {1})).size(), 6u);
  EXPECT_EQ(doubles<T>(run("MatMul", {v, v}, v.dtype, {}, {0, 0}, {1})),
            product(doubles<T>(v), doubles<T>(v), 1, 4, 1));
  const std::vector<double> right =
      doubles<T>(run("MatMul", {a, v}, v.dtype, {2, 1, 3}, {0, 0}, {1}));
  EXPECT_EQ(right, product(av, doubles<T>(v), 6, 4, 1));
}

TYPED_TEST(MatMulTest, GemmAddsABroadcastMatrix) {
  using T = TypeParam;
  const TestTensor a = small<T>({5, 3}, 8), b = small<T>({5, 4}, 9);
  for (const Dims& dims : std::vector<Dims>{{}, {1}, {4}, {3, 1}, {1, 4}, {3, 4}}) {
    const TestTensor c = small<T>(dims, 10);
    const std::vector<double> cv = doubles<T>(c);
    const std::vector<double> y =
        doubles<T>(run("Gemm", {a, b, c}, a.dtype, {3, 4}, {1, 0}, {1, 1}));
    const TestTensor at = run("Transpose", {a}, a.dtype, {3, 5}, {1, 0});
    std::vector<double> expected = product(doubles<T>(at), doubles<T>(b), 3, 5, 4);
    for (int64_t i = 0; i < 12; ++i) {
      const int64_t row = dims.size() == 2 && dims[0] == 3 ? i / 4 : 0;
      const int64_t width = dims.empty() ? 1 : dims.back();
      expected[i] += cv[row * width + (width == 1 ? 0 : i % 4)];
    }
    EXPECT_EQ(y, expected) << ::testing::PrintToString(dims);
  }
}

TEST(Linear, GemmScalesBothTerms) {
  const TestTensor a = tensor<float>({1, 2}, {1, 2}), b = tensor<float>({2, 1}, {3, 4});
  const TestTensor c = tensor<float>({1}, {10});
  EXPECT_EQ(run("Gemm", {a, b, c}, DMT_F32, {1, 1}, {0, 0}, {0.5, 2}).values<float>()[0], 25.5f);
  EXPECT_EQ(run("Gemm", {a, b, {}}, DMT_F32, {1, 1}, {0, 0}, {2, 9}).values<float>()[0], 22.0f);
}

TEST(Linear, ResultsDoNotDependOnThreads) {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  std::vector<float> a(7 * 65 * 70), b(7 * 70 * 50);
  for (float& value : a) value = normal(generator);
  for (float& value : b) value = normal(generator);
  const std::vector<TestTensor> inputs{tensor<float>({7, 65, 70}, a),
                                       tensor<float>({7, 70, 50}, b)};
  EXPECT_EQ(run("MatMul", inputs, DMT_F32, {7, 65, 50}, {0, 0}, {1}, 1).bytes,
            run("MatMul", inputs, DMT_F32, {7, 65, 50}, {0, 0}, {1}, 4).bytes);
}

template <class T>
class IntegerMatMulTest : public ::testing::Test {};
using Bytes = ::testing::Types<std::pair<uint8_t, uint8_t>, std::pair<uint8_t, int8_t>,
                               std::pair<int8_t, uint8_t>, std::pair<int8_t, int8_t>>;
TYPED_TEST_SUITE(IntegerMatMulTest, Bytes);

TYPED_TEST(IntegerMatMulTest, SubtractsZeroPointsOfTensorsRowsAndColumns) {
  using A = typename TypeParam::first_type;
  using B = typename TypeParam::second_type;
  std::mt19937 generator(3);
  const int64_t m = 3, k = 65, n = 5;
  std::vector<A> a(m * k), az(m);
  std::vector<B> b(k * n), bz(n);
  for (A& value : a) value = static_cast<A>(generator());
  for (B& value : b) value = static_cast<B>(generator());
  for (A& value : az) value = static_cast<A>(generator());
  for (B& value : bz) value = static_cast<B>(generator());
  for (const bool per_row : {false, true}) {
    for (const bool per_column : {false, true}) {
      const TestTensor a_zero = per_row ? tensor<A>({m}, az) : tensor<A>({}, {az[0]});
      const TestTensor b_zero = per_column ? tensor<B>({n}, bz) : tensor<B>({1}, {bz[0]});
      const TestTensor y =
          run("MatMulInteger", {tensor<A>({m, k}, a), tensor<B>({k, n}, b), a_zero, b_zero},
              DMT_S32, {m, n});
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          int32_t sum = 0;
          for (int64_t x = 0; x < k; ++x) {
            sum += (a[i * k + x] - az[per_row ? i : 0]) * (b[x * n + j] - bz[per_column ? j : 0]);
          }
          ASSERT_EQ(y.values<int32_t>()[i * n + j], sum);
        }
      }
    }
  }
}

TEST(Linear, MatMulIntegerToFloatScalesEachColumnAndAddsTheBias) {
  const TestTensor a = tensor<uint8_t>({1, 2}, {10, 20}), b = tensor<int8_t>({2, 2}, {1, -2, 3, 4});
  const TestTensor y = run("MatMulIntegerToFloat",
                           {a,
                            b,
                            tensor<float>({}, {0.5f}),
                            tensor<float>({2}, {1, 0.25f}),
                            tensor<uint8_t>({}, {10}),
                            {},
                            tensor<float>({2}, {100, 200})},
                           DMT_F32, {1, 2});
  EXPECT_EQ(y.values<float>(), (std::vector<float>{115, 205}));
}

TEST(Linear, DynamicQuantizeMatMulEqualsItsThreeSteps) {
  std::mt19937 generator(9);
  std::normal_distribution<float> normal;
  const int64_t m = 3, k = 70, n = 4;
  std::vector<float> x(m * k);
  for (float& value : x) value = normal(generator);
  std::vector<int8_t> w(k * n);
  for (int8_t& value : w) value = static_cast<int8_t>(generator());
  const TestTensor a = tensor<float>({m, k}, x), b = tensor<int8_t>({k, n}, w);
  const TestTensor scale = tensor<float>({n}, {0.1f, 0.2f, 0.3f, 0.4f});
  std::vector<TestTensor> codes{empty(DMT_U8, {m, k}), empty(DMT_F32, {}), empty(DMT_U8, {})};
  ASSERT_EQ(try_call("DynamicQuantizeLinear", {a}, codes), DMT_OK) << dmt_last_error();
  const TestTensor expected =
      run("MatMulIntegerToFloat", {codes[0], b, codes[1], scale, codes[2]}, DMT_F32, {m, n});
  const TestTensor y = run("DynamicQuantizeMatMul", {a, b, scale}, DMT_F32, {m, n});
  EXPECT_EQ(y.values<float>(), expected.values<float>());
}

TEST(Linear, EinsumSumsWhatTheOutputLacks) {
  const TestTensor a = small<float>({3, 4}, 1), b = small<float>({4, 5}, 2);
  EXPECT_EQ(run("Einsum", {a, b}, DMT_F32, {5, 3}, {2, 0, 0, 1, 1, 2}).values<float>(),
            run("Transpose", {run("MatMul", {a, b}, DMT_F32, {3, 5}, {0, 0}, {1})}, DMT_F32, {5, 3},
                {1, 0})
                .values<float>());
  const std::vector<float> v = a.values<float>();
  EXPECT_EQ(run("Einsum", {a}, DMT_F32, {}, {0, 1}).values<float>()[0],
            std::accumulate(v.begin(), v.end(), 0.0f));
  const TestTensor square = tensor<double>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(run("Einsum", {square}, DMT_F64, {2}, {0, 0, 0}).values<double>(),
            (std::vector<double>{1, 4}));
}

// Heads of attention scores, as exporters write it: bhqd,bhkd->bhqk; with a broadcast batch.
TEST(Linear, EinsumOverNothingIsZero) {
  const TestTensor a = tensor<double>({2, 0}, {}), b = tensor<double>({0, 3}, {});
  EXPECT_EQ(run("Einsum", {a, b}, DMT_F64, {2, 3}, {0, 2, 0, 1, 1, 2}).values<double>(),
            std::vector<double>(6));
  const TestTensor nothing = tensor<float>({0, 0}, {}), some = tensor<float>({2}, {1, 2});
  EXPECT_EQ(run("Einsum", {nothing, some}, DMT_F32, {2}, {2, 0, 1, 2}).values<float>(),
            std::vector<float>(2));
}

TEST(Linear, EinsumLabelsMayHaveGaps) {
  const TestTensor a = tensor<double>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(run("Einsum", {a}, DMT_F64, {2}, {3, 3, 7}).values<double>(),
            (std::vector<double>{3, 7}));
}

TEST(Linear, EinsumOfStacksEqualsTheDefinition) {
  const TestTensor q = small<float>({2, 3, 4, 5}, 1), k = small<float>({1, 3, 6, 5}, 2);
  const TestTensor y =
      run("Einsum", {q, k}, DMT_F32, {2, 3, 4, 6}, {0, 1, 2, 3, 0, 1, 2, 4, 0, 1, 3, 4});
  const std::vector<float> qv = q.values<float>(), kv = k.values<float>(), yv = y.values<float>();
  for (int64_t i = 0; i < 2 * 3 * 4 * 6; ++i) {
    const int64_t key = i % 6, query = i / 6 % 4, head = i / 24 % 3, batch = i / 72;
    float sum = 0;
    for (int64_t d = 0; d < 5; ++d) {
      sum += qv[((batch * 3 + head) * 4 + query) * 5 + d] * kv[(head * 6 + key) * 5 + d];
    }
    ASSERT_EQ(yv[i], sum) << i;
  }
}

TEST(Linear, WhatDoesNotFitIsRejected) {
  const TestTensor a = small<float>({2, 3}, 1), scalar = small<float>({}, 1);
  const auto rejected = [](const char* name, const std::vector<TestTensor>& inputs, int32_t dtype,
                           Dims out_dims, const Dims& integers, std::vector<double> floats = {}) {
    std::vector<TestTensor> out{empty(dtype, std::move(out_dims))};
    EXPECT_EQ(try_call(name, inputs, out, integers, floats), DMT_INVALID_ARGUMENT) << name;
  };
  rejected("MatMul", {a, a}, DMT_F32, {2, 3}, {0, 0}, {1});
  rejected("MatMul", {a, scalar}, DMT_F32, {2}, {0, 0}, {1});
  rejected("MatMul", {a, a}, DMT_F32, {3, 2}, {1, 0}, {1});
  rejected("MatMul", {a, small<double>({3, 2}, 1)}, DMT_F32, {2, 2}, {0, 0}, {1});
  rejected("MatMul", {small<float>({2, 2, 3}, 1), small<float>({3, 3, 3}, 1)}, DMT_F32, {3, 2, 3},
           {0, 0}, {1});
  rejected("Gemm", {a, small<float>({3, 2}, 1), small<float>({3}, 1)}, DMT_F32, {2, 2}, {0, 0},
           {1, 1});
  rejected("Gemm", {small<int32_t>({1, 1}, 1), small<int32_t>({1, 1}, 1)}, DMT_S32, {1, 1}, {0, 0},
           {0.5, 1});
  rejected("MatMulInteger", {small<uint8_t>({2, 3}, 1), small<uint8_t>({3, 2}, 1)}, DMT_F32, {2, 2},
           {});
  rejected("Einsum", {a}, DMT_F32, {2}, {0, 40, 1});
  rejected("Einsum", {a}, DMT_F32, {2}, {5, 0, 1});
  rejected("Einsum", {a, a}, DMT_F32, {2, 2}, {0, 2, 0, 1, 1, 2});
}

}  // namespace
}  // namespace demitasse::testing
