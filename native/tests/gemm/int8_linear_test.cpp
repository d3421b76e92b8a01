// INT8 weights with quantized rows: every level gives the bits of the reference.
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "gemm/linear_cases.h"
#include "gemm/reference_linear.h"

namespace demitasse::testing {
namespace {

enum class Fill { random, greatest, least, alternating };

struct Int8Case {
  Shape shape;
  bool unsigned_weights = false;
  bool per_channel = true;
  bool weight_zero_points = false;
  bool per_row = true;
  bool transposed = false;  // the source is [n][k]
  bool bias = true;
  Fill fill = Fill::random;
};

class Int8Operands {
 public:
  explicit Int8Operands(const Int8Case& c)
      : case_(c), x(c.shape.m, c.shape.k, c.per_row), source(c.shape.k * c.shape.n) {
    Random random(static_cast<uint32_t>(c.shape.m * 7 + c.shape.n * 5 + c.shape.k));
    const auto [m, n, k] = c.shape;
    const int32_t low = c.unsigned_weights ? 0 : -128;
    for (int64_t i = 0; i < k * n; ++i) source[i] = static_cast<uint8_t>(weight(random, low, i));
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < k; ++j)
        x.code(i, j) = static_cast<uint8_t>(activation(random, i + j));
    }
    for (float& scale : x.scales()) scale = random.real(0.001f, 0.1f);
    for (int32_t& zero_point : x.zero_points()) zero_point = random.integer(0, 255);
    const int64_t count = c.per_channel ? n : 1;
    scales = random.reals(count, 0.001f, 0.1f);
    if (c.weight_zero_points) {
      for (int64_t i = 0; i < count; ++i) zero_points.push_back(random.integer(low, low + 255));
    }
    if (c.bias) bias = random.reals(n);
  }

  std::unique_ptr<Weight> pack(Isa isa) const {
    const auto [m, n, k] = case_.shape;
    return pack_int8_weight(isa, case_.unsigned_weights ? DMT_U8 : DMT_S8, source.data(), k, n,
                            case_.transposed ? 1 : n, case_.transposed ? k : 1, scales.data(),
                            zero_points.empty() ? nullptr : zero_points.data(), scales.size());
  }

  // Straight from the definition, with the caller's codes: no remapping to signed.
  std::vector<float> expected() {
    const auto [m, n, k] = case_.shape;
    std::vector<float> y(m * n);
    const QuantizedRows rows = x.view();
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        int64_t sum = 0;
        const int64_t channel = case_.per_channel ? j : 0;
        const int32_t zw = zero_points.empty() ? 0 : zero_points[channel];
        const int32_t zx = rows.zero_points[i * rows.parameter_step];
        for (int64_t l = 0; l < k; ++l) {
          const uint8_t bits = source[case_.transposed ? j * k + l : l * n + j];
          const int32_t w = case_.unsigned_weights ? bits : static_cast<int8_t>(bits);
          sum += (x.code(i, l) - zx) * (w - zw);
        }
        EXPECT_EQ(sum, static_cast<int32_t>(sum));
        const float scale = rows.scales[i * rows.parameter_step] * scales[channel];
        const float product = static_cast<float>(static_cast<int32_t>(sum)) * scale;
        y[i * n + j] = product + (case_.bias ? bias[j] : 0.0f);
      }
    }
    return y;
  }

  Int8Case case_;
  Rows x;
  std::vector<uint8_t> source;
  std::vector<float> scales, bias;
  std::vector<int32_t> zero_points;

 private:
  int32_t weight(Random& random, int32_t low, int64_t i) const {
    switch (case_.fill) {
      case Fill::greatest:
        return low + 255;
      case Fill::least:
        return low;
      case Fill::alternating:
        return i % 2 == 0 ? low : low + 255;
      default:
        return random.integer(low, low + 255);
    }
  }
  int32_t activation(Random& random, int64_t i) const {
    switch (case_.fill) {
      case Fill::greatest:
      case Fill::least:
        return 255;
      case Fill::alternating:
        return i % 2 == 0 ? 0 : 255;
      default:
        return random.integer(0, 255);
    }
  }
};

class Int8Linear : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, Int8Linear, ::testing::ValuesIn(levels()), level_name);

void expect_equal_bits(Isa isa, const Int8Case& c, const Executor& executor) {
  SCOPED_TRACE(::testing::Message()
               << c.shape << " u8 weights " << c.unsigned_weights << " per channel "
               << c.per_channel << " zero points " << c.weight_zero_points << " per row "
               << c.per_row << " transposed " << c.transposed << " fill "
               << static_cast<int>(c.fill) << " threads " << executor.threads());
  Int8Operands operands(c);
  const auto weight = operands.pack(isa);
  ASSERT_EQ(weight->k(), c.shape.k);
  ASSERT_EQ(weight->n(), c.shape.n);
  Guarded<float> out(c.shape.m, c.shape.n, c.shape.n + 3);
  Epilogue epilogue;
  epilogue.bias = c.bias ? operands.bias.data() : nullptr;
  epilogue.out = out.data();
  epilogue.out_stride = out.stride();
  weight->run(operands.x.view(), c.shape.m, epilogue, executor);
  EXPECT_TRUE(out.intact());
  const std::vector<float> expected = operands.expected();
  for (int64_t i = 0; i < c.shape.m; ++i) {
    for (int64_t j = 0; j < c.shape.n; ++j) {
      ASSERT_EQ(out.at(i, j), expected[i * c.shape.n + j]) << "row " << i << " column " << j;
    }
  }
}

TEST_P(Int8Linear, oddShapesEqualTheDefinitionToTheBit) {
  for (const Shape& shape : odd_shapes()) expect_equal_bits(GetParam(), {shape}, serial_executor());
}

TEST_P(Int8Linear, everyKindOfParametersEqualsTheDefinitionToTheBit) {
  for (int kind = 0; kind < 64; ++kind) {
    Int8Case c{{10, 53, 37}};
    c.unsigned_weights = kind & 1;
    c.per_channel = kind & 2;
    c.weight_zero_points = kind & 4;
    c.per_row = kind & 8;
    c.transposed = kind & 16;
    c.bias = kind & 32;
    expect_equal_bits(GetParam(), c, serial_executor());
  }
}

TEST_P(Int8Linear, extremeValuesDoNotSaturate) {
  for (const Fill fill : {Fill::greatest, Fill::least, Fill::alternating}) {
    for (const int64_t k : {2, 4, 64, 4099}) {
      Int8Case c{{9, 50, k}};
      c.fill = fill;
      expect_equal_bits(GetParam(), c, serial_executor());
      c.weight_zero_points = true;
      expect_equal_bits(GetParam(), c, serial_executor());
    }
  }
}

TEST_P(Int8Linear, deepestSumsStayInThirtyTwoBits) {
  Int8Case c{{2, 3, 65536}};
  c.fill = Fill::least;
  expect_equal_bits(GetParam(), c, serial_executor());
  c = {{2, 3, 33025}};
  c.unsigned_weights = true;
  c.weight_zero_points = true;
  c.fill = Fill::greatest;
  expect_equal_bits(GetParam(), c, serial_executor());
}

TEST_P(Int8Linear, resultsDoNotDependOnThreads) {
  for (const int threads : {2, 3, 5}) {
    for (const Shape& shape :
         std::initializer_list<Shape>{{257, 193, 129}, {1, 1999, 800}, {12, 700, 400}}) {
      expect_equal_bits(GetParam(), {shape}, PoolExecutor(threads));
    }
  }
}

dmt_status failure(Isa isa, int64_t k, uint8_t code, int32_t dtype) {
  const std::vector<uint8_t> source(k, code);
  const float scale = 1;
  try {
    pack_int8_weight(isa, dtype, source.data(), k, 1, 1, k, &scale, nullptr, 1);
  } catch (const Error& error) {
    return error.status();
  }
  return DMT_OK;
}

TEST_P(Int8Linear, sumsThatCouldOverflowAreRefused) {
  EXPECT_EQ(failure(GetParam(), 65536, 0x80, DMT_S8), DMT_OK);
  EXPECT_EQ(failure(GetParam(), 65537, 0, DMT_S8), DMT_UNSUPPORTED);
  EXPECT_EQ(failure(GetParam(), 33025, 255, DMT_U8), DMT_OK);
  EXPECT_EQ(failure(GetParam(), 33026, 255, DMT_U8), DMT_UNSUPPORTED);
  EXPECT_EQ(failure(GetParam(), 65536, 128, DMT_U8), DMT_OK);
}

TEST_P(Int8Linear, floatRowsAreMultipliedWithTheDequantizedWeight) {
  for (const Shape& shape : odd_shapes()) {
    for (const bool zero_points : {false, true}) {
      SCOPED_TRACE(::testing::Message() << shape << " zero points " << zero_points);
      Int8Case c{shape};
      c.weight_zero_points = zero_points;
      c.bias = false;
      const Int8Operands operands(c);
      const int64_t stride = shape.k + 5;
      const std::vector<float> x = Random(3).reals(shape.m * stride);
      Guarded<float> out(shape.m, shape.n, shape.n + 1);
      Epilogue epilogue;
      epilogue.out = out.data();
      epilogue.out_stride = out.stride();
      operands.pack(GetParam())->run(x.data(), stride, shape.m, epilogue, serial_executor());
      EXPECT_TRUE(out.intact());
      for (int64_t i = 0; i < shape.m; ++i) {
        for (int64_t j = 0; j < shape.n; ++j) {
          double sum = 0, magnitude = 0;
          for (int64_t l = 0; l < shape.k; ++l) {
            const double w = static_cast<int8_t>(operands.source[l * shape.n + j]) -
                             (zero_points ? operands.zero_points[j] : 0);
            sum += x[i * stride + l] * w * operands.scales[j];
            magnitude += std::abs(x[i * stride + l] * w * operands.scales[j]);
          }
          ASSERT_NEAR(out.at(i, j), sum, magnitude * (shape.k + 2) * 0x1p-24);
        }
      }
    }
  }
}

// Few rows meet codes that become floats in registers, many meet a panel of floats.
TEST_P(Int8Linear, fewFloatRowsGiveTheBitsOfMany) {
  constexpr int64_t kRows = 40;
  for (const auto& [k, n] : {std::pair{1, 1}, {3, 17}, {66, 50}, {1029, 33}, {2050, 97}}) {
    for (const bool zero_points : {false, true}) {
      Int8Case c{{kRows, n, k}};
      c.weight_zero_points = zero_points;
      const Int8Operands operands(c);
      const std::vector<float> x = Random(4).reals(kRows * k);
      const auto weight = operands.pack(GetParam());
      const auto run = [&](int64_t first, int64_t rows) {
        std::vector<float> y(rows * n);
        Epilogue epilogue;
        epilogue.out = y.data();
        epilogue.out_stride = n;
        weight->run(x.data() + first * k, k, rows, epilogue, serial_executor());
        return y;
      };
      const std::vector<float> many = run(0, kRows);
      for (int64_t rows = 1; rows <= 13; ++rows) {
        SCOPED_TRACE(::testing::Message()
                     << k << " x " << n << ", " << rows << " rows, zero points " << zero_points);
        const std::vector<float> few = run(7, rows);
        ASSERT_EQ(std::memcmp(few.data(), many.data() + 7 * n, few.size() * sizeof(float)), 0);
      }
    }
  }
}

TEST(ReferenceLinear, isTheDefinition) {
  // (3 - 1, 5 - 1) x [[2 - 1, -1 - 0], [4 - 1, 7 - 0]] = (2 + 12, -2 + 28)
  uint8_t codes[64] = {3, 5};
  float scale = 0.5f;
  int32_t zero_point = 1;
  const int8_t w[] = {2, -1, 4, 7};
  const int32_t zw[] = {1, 0};
  const float w_scales[] = {2, 4};
  int32_t sums[2];
  float y[2];
  const QuantizedRows x{codes, 64, &scale, &zero_point, 0};
  reference_multiply_u8s8(x, 1, 2, 2, w, zw, sums);
  reference_dequantize(x, 1, 2, sums, w_scales, y);
  EXPECT_EQ(sums[0], 14);
  EXPECT_EQ(sums[1], 26);
  EXPECT_EQ(y[0], 14.0f);
  EXPECT_EQ(y[1], 52.0f);
}

}  // namespace
}  // namespace demitasse::testing
