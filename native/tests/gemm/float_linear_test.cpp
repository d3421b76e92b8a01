// FP32, FP16 and BF16 weights, and the product of two matrices.
#include <cmath>

#include "core/error.h"
#include "core/float16.h"
#include "gemm/linear_cases.h"

namespace demitasse::testing {
namespace {

std::vector<uint16_t> to_bits(const std::vector<float>& values, int32_t dtype) {
  std::vector<uint16_t> bits;
  for (const float value : values) {
    bits.push_back(dtype == DMT_F16 ? f32_to_f16(value) : f32_to_bf16(value));
  }
  return bits;
}

std::vector<float> from_bits(const std::vector<uint16_t>& values, int32_t dtype) {
  std::vector<float> floats;
  for (const uint16_t value : values) {
    floats.push_back(dtype == DMT_F16 ? f16_to_f32(value) : bf16_to_f32(value));
  }
  return floats;
}

// y[m][n] of a plain run.
std::vector<float> product(const Weight& weight, const float* x, int64_t x_stride, int64_t m,
                           const Executor& executor = serial_executor()) {
  Guarded<float> out(m, weight.n(), weight.n() + 2);
  Epilogue epilogue;
  epilogue.out = out.data();
  epilogue.out_stride = out.stride();
  weight.run(x, x_stride, m, epilogue, executor);
  EXPECT_TRUE(out.intact());
  std::vector<float> y;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < weight.n(); ++j) y.push_back(out.at(i, j));
  }
  return y;
}

class FloatLinear : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, FloatLinear, ::testing::ValuesIn(levels()), level_name);

TEST_P(FloatLinear, oddShapesAreWithinTheBound) {
  for (const Shape& shape : odd_shapes()) {
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(::testing::Message() << shape << " transposed " << transposed);
      const auto [m, n, k] = shape;
      const int64_t k_stride = transposed ? 1 : n + 1, n_stride = transposed ? k + 1 : 1;
      const int64_t x_stride = k + 3;
      const std::vector<float> x = Random(1).reals(m * x_stride);
      const std::vector<float> w = Random(2).reals((k + 1) * (n + 1));
      const auto weight =
          pack_float_weight(GetParam(), DMT_F32, w.data(), k, n, k_stride, n_stride);
      const std::vector<float> y = product(*weight, x.data(), x_stride, m);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0, magnitude = 0;
          for (int64_t l = 0; l < k; ++l) {
            const double term = double{x[i * x_stride + l]} * w[l * k_stride + j * n_stride];
            sum += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(y[i * n + j], sum, magnitude * (k + 1) * 0x1p-24);
        }
      }
    }
  }
}

TEST_P(FloatLinear, halfWeightsGiveTheBitsOfTheirWidenedValues) {
  for (const int32_t dtype : {DMT_F16, DMT_BF16}) {
    for (const Shape& shape : odd_shapes()) {
      SCOPED_TRACE(::testing::Message() << shape << " dtype " << dtype);
      const auto [m, n, k] = shape;
      const std::vector<float> x = Random(1).reals(m * k);
      const std::vector<uint16_t> bits = to_bits(Random(2).reals(k * n), dtype);
      const std::vector<float> widened = from_bits(bits, dtype);
      const auto half = pack_float_weight(GetParam(), dtype, bits.data(), k, n, n, 1);
      const auto full = pack_float_weight(GetParam(), DMT_F32, widened.data(), k, n, n, 1);
      EXPECT_EQ(product(*half, x.data(), k, m), product(*full, x.data(), k, m));
      EXPECT_EQ(half->bytes() * 2, full->bytes());
    }
  }
}

TEST_P(FloatLinear, rowsDoNotDependOnTheirNumberOrPlace) {
  const int64_t m = 131, n = 67, k = 700;
  const std::vector<float> x = Random(1).reals(m * k);
  const std::vector<float> w = Random(2).reals(k * n);
  const auto weight = pack_float_weight(GetParam(), DMT_F32, w.data(), k, n, n, 1);
  const std::vector<float> all = product(*weight, x.data(), k, m);
  for (const int64_t row : {0, 1, 7, 95, 96, 130}) {
    const std::vector<float> one = product(*weight, x.data() + row * k, k, 1);
    EXPECT_EQ(one, std::vector<float>(all.begin() + row * n, all.begin() + (row + 1) * n));
  }
  for (const int threads : {2, 3, 5}) {
    EXPECT_EQ(product(*weight, x.data(), k, m, PoolExecutor(threads)), all);
  }
}

TEST_P(FloatLinear, quantizedRowsAreRefused) {
  const float w = 1;
  const auto weight = pack_float_weight(GetParam(), DMT_F32, &w, 1, 1, 1, 1);
  Rows x(1, 1, false);
  try {
    weight->run(x.view(), 1, Epilogue{}, serial_executor());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), DMT_UNSUPPORTED);
  }
}

TEST_P(FloatLinear, productOfMatricesGivesTheBitsOfAPackedWeight) {
  for (const Shape& shape : odd_shapes()) {
    const auto [m, n, k] = shape;
    struct Strides {
      int64_t k, n;
    };
    for (const Strides& b : {Strides{n + 2, 1}, Strides{1, k + 3}, Strides{3 * n, 3}}) {
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(::testing::Message() << shape << " strides " << b.k << ' ' << b.n);
        const std::vector<float> x = Random(1).reals(m * (k + 1));
        const std::vector<float> w = Random(2).reals((k + 3) * (n + 2) * 3);
        const auto weight = pack_float_weight(GetParam(), DMT_F32, w.data(), k, n, b.k, b.n);
        const std::vector<float> expected = product(*weight, x.data(), k + 1, m);
        Guarded<float> c(m, n, n + 4);
        matmul_f32(GetParam(), x.data(), k + 1, w.data(), b.k, b.n, c.data(), c.stride(), m, k, n,
                   PoolExecutor(threads));
        EXPECT_TRUE(c.intact());
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) ASSERT_EQ(c.at(i, j), expected[i * n + j]);
        }
      }
    }
  }
}

TEST(FloatLinearLevels, vectorLevelsGiveTheSameBits) {
  if (vector_levels().size() < 2) GTEST_SKIP() << "this CPU has one vector level only";
  for (const Shape& shape : odd_shapes()) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto [m, n, k] = shape;
    const std::vector<float> x = Random(1).reals(m * k);
    const std::vector<float> w = Random(2).reals(k * n);
    const auto narrow = pack_float_weight(Isa::avx2, DMT_F32, w.data(), k, n, n, 1);
    const auto wide = pack_float_weight(Isa::avx512, DMT_F32, w.data(), k, n, n, 1);
    EXPECT_EQ(product(*narrow, x.data(), k, m), product(*wide, x.data(), k, m));
  }
}

}  // namespace
}  // namespace demitasse::testing
