// Weights with a scale per group: every level gives the bits of the definition in
// gemm/reference_linear.h for quantized rows. With f32 rows every level but the scalar one gives
// the bits of a chain of fused multiply-adds, and all stay within the bound.
#include <cmath>

#include "gemm/linear_cases.h"
#include "gemm/source.h"

namespace demitasse::testing {
namespace {

enum class Fill { random, greatest, least, zero, constant_channel };

struct GroupedCase {
  Shape shape;
  int32_t dtype = DMT_S4;
  int64_t group = 32;
  bool half_scales = true;
  bool zero_points = false;
  bool codebook = false;
  bool extreme_codebook = false;  // of the entries 1 and -1, whose levels are 127 and -127
  bool transposed = false;        // the source is [n][k]
  bool per_row = true;
  bool bias = true;
  Fill fill = Fill::random;
};

class GroupedOperands {
 public:
  explicit GroupedOperands(const GroupedCase& c)
      : case_(c), x(c.shape.m, c.shape.k, c.per_row), floats(c.shape.m * c.shape.k) {
    const auto [m, n, k] = c.shape;
    Random random(static_cast<uint32_t>(m * 7 + n * 5 + k + c.group));
    GroupedSource layout;
    layout.dtype = c.dtype;
    layout.k = k;
    layout.n = n;
    layout.group = c.group;
    const int bits = layout.bits();
    low_ = layout.is_signed() ? -(1 << (bits - 1)) : 0;
    high_ = low_ + (1 << bits) - 1;
    groups_ = layout.groups();
    source_.assign((k * n * bits + 7) / 8, 0);
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t index = c.transposed ? j * k + i : i * n + j;
        const int code = fill(random, j) & ((1 << bits) - 1);
        source_[index * bits / 8] |= static_cast<uint8_t>(code << index * bits % 8);
      }
    }
    for (int64_t i = 0; i < groups_ * n; ++i) {
      const uint16_t half = f32_to_f16(i % 7 == 3 ? 0.0f : random.real(-0.1f, 0.1f));
      half_scales_.push_back(half);
      scales_.push_back(c.half_scales ? f16_to_f32(half) : random.real(-0.1f, 0.1f));
      if (c.zero_points) zero_points_.push_back(random.integer(low_, high_));
    }
    if (c.codebook) codebook_ = random.reals(16);
    for (int i = 0; c.extreme_codebook && i < 16; ++i) codebook_[i] = i % 2 == 0 ? 1.0f : -1.0f;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        x.code(i, j) = static_cast<uint8_t>(
            c.fill == Fill::greatest || c.fill == Fill::least ? 255 : random.integer(0, 255));
      }
    }
    for (float& scale : x.scales()) scale = random.real(0.001f, 0.1f);
    for (int32_t& zero_point : x.zero_points()) zero_point = random.integer(0, 255);
    floats = random.reals(m * k);
    if (c.bias) bias = random.reals(n);
  }

  GroupedSource source() const {
    const auto [m, n, k] = case_.shape;
    GroupedSource source;
    source.dtype = case_.dtype;
    source.data = source_.data();
    source.k = k;
    source.n = n;
    source.k_stride = case_.transposed ? 1 : n;
    source.n_stride = case_.transposed ? k : 1;
    source.group = case_.group;
    source.scale_dtype = case_.half_scales ? DMT_F16 : DMT_F32;
    source.scales = case_.half_scales ? static_cast<const void*>(half_scales_.data())
                                      : static_cast<const void*>(scales_.data());
    source.zero_points = case_.zero_points ? zero_points_.data() : nullptr;
    source.codebook = case_.codebook ? codebook_.data() : nullptr;
    return source;
  }

  int32_t code(int64_t i, int64_t j) const {
    const int64_t index = case_.transposed ? j * case_.shape.k + i : i * case_.shape.n + j;
    const int bits = low_ == 0 ? std::bit_width(static_cast<unsigned>(high_))
                               : std::bit_width(static_cast<unsigned>(high_)) + 1;
    int32_t code = source_[index * bits / 8] >> index * bits % 8 & ((1 << bits) - 1);
    return code > high_ ? code - (1 << bits) : code;
  }
  int64_t parameter(int64_t i, int64_t j) const {
    return (case_.group >= case_.shape.k ? 0 : i / case_.group) * case_.shape.n + j;
  }
  float scale(int64_t i, int64_t j) const { return scales_[parameter(i, j)]; }
  int32_t zero_point(int64_t i, int64_t j) const {
    return case_.zero_points ? zero_points_[parameter(i, j)] : 0;
  }
  float weight(int64_t i, int64_t j) const {
    const float level =
        case_.codebook ? codebook_[code(i, j)] : static_cast<float>(code(i, j) - zero_point(i, j));
    return level * scale(i, j);
  }

  // Straight from the definition.
  std::vector<float> expected_of_codes() {
    const auto [m, n, k] = case_.shape;
    const QuantizedRows rows = x.view();
    float largest = 0;
    for (const float entry : codebook_) largest = std::max(largest, std::fabs(entry));
    const float step = case_.codebook ? largest / 127 : 1;
    const int64_t segment = std::min<int64_t>({case_.group, k, 1024});
    std::vector<float> y(m * n);
    for (int64_t i = 0; i < m; ++i) {
      const float zx = static_cast<float>(rows.zero_points[i * rows.parameter_step]);
      for (int64_t j = 0; j < n; ++j) {
        float f = 0, offset = 0;
        for (int64_t first = 0; first < k; first += segment) {
          int64_t d = 0, e = 0;
          for (int64_t l = first; l < std::min(k, first + segment); ++l) {
            const int64_t w = case_.codebook ? std::lrint(codebook_[code(l, j)] / step)
                                             : code(l, j) - zero_point(l, j);
            d += x.code(i, l) * w;
            e += w;
          }
          EXPECT_EQ(d, static_cast<int32_t>(d));
          const float scale = this->scale(first, j);
          f = std::fma(static_cast<float>(d), scale, f);
          offset = std::fma(static_cast<float>(e), scale, offset);
        }
        const float x_scale = rows.scales[i * rows.parameter_step] * step;
        const float y_scaled = std::fma(-zx, offset, f) * x_scale;
        y[i * n + j] = y_scaled + (case_.bias ? bias[j] : 0.0f);
      }
    }
    return y;
  }

  GroupedCase case_;
  Rows x;
  std::vector<float> floats, bias;

 private:
  int32_t fill(Random& random, int64_t j) const {
    switch (case_.fill) {
      case Fill::greatest:
        return high_;
      case Fill::least:
        return low_;
      case Fill::zero:
        return 0;
      case Fill::constant_channel:
        return low_ + static_cast<int32_t>(j % (high_ - low_ + 1));
      default:
        return random.integer(low_, high_);
    }
  }

  int32_t low_, high_;
  int64_t groups_;
  std::vector<uint8_t> source_;
  std::vector<uint16_t> half_scales_;
  std::vector<float> scales_, codebook_;
  std::vector<int32_t> zero_points_;
};

class GroupedLinear : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, GroupedLinear, ::testing::ValuesIn(levels()), level_name);

::testing::Message describe(const GroupedCase& c) {
  return ::testing::Message() << c.shape << " dtype " << c.dtype << " group " << c.group << " half "
                              << c.half_scales << " zero points " << c.zero_points << " codebook "
                              << c.codebook << " extreme " << c.extreme_codebook << " transposed "
                              << c.transposed << " per row " << c.per_row << " bias " << c.bias
                              << " fill " << static_cast<int>(c.fill);
}

void expect_definition(Isa isa, const GroupedCase& c,
                       const Executor& executor = serial_executor()) {
  SCOPED_TRACE(describe(c));
  GroupedOperands operands(c);
  const auto [m, n, k] = c.shape;
  const auto weight = pack_grouped_weight(isa, operands.source());
  ASSERT_EQ(weight->k(), k);
  ASSERT_EQ(weight->n(), n);
  Epilogue epilogue;
  epilogue.bias = c.bias ? operands.bias.data() : nullptr;
  {
    Guarded<float> out(m, n, n + 3);
    epilogue.out = out.data();
    epilogue.out_stride = out.stride();
    weight->run(operands.x.view(), m, epilogue, executor);
    EXPECT_TRUE(out.intact());
    const std::vector<float> expected = operands.expected_of_codes();
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        ASSERT_EQ(out.at(i, j), expected[i * n + j]) << "row " << i << " column " << j;
      }
    }
  }
  Guarded<float> out(m, n, n + 3);
  epilogue.out = out.data();
  weight->run(operands.floats.data(), k, m, epilogue, executor);
  EXPECT_TRUE(out.intact());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const float bias = c.bias ? operands.bias[j] : 0.0f;
      double sum = bias, magnitude = std::fabs(sum);
      float chain = 0;
      for (int64_t l = 0; l < k; ++l) {
        const float x = operands.floats[i * k + l], w = operands.weight(l, j);
        const double product = double{x} * w;
        sum += product;
        magnitude += std::fabs(product);
        chain = isa == Isa::scalar ? chain + x * w : std::fma(x, w, chain);
      }
      ASSERT_EQ(out.at(i, j), chain + bias) << "row " << i << " column " << j;
      ASSERT_NEAR(out.at(i, j), sum, static_cast<double>(k + 3) * 0x1p-24 * magnitude)
          << "row " << i << " column " << j;
    }
  }
}

TEST_P(GroupedLinear, oddShapesEqualTheDefinitionToTheBit) {
  for (const Shape& shape : odd_shapes()) {
    if (shape.m * shape.n * shape.k > 3000000) continue;
    expect_definition(GetParam(), {shape});
  }
}

TEST_P(GroupedLinear, everyGroupSizeAndTypeEqualsTheDefinitionToTheBit) {
  for (const int64_t group : {16, 32, 48, 64, 128, 256, 1024, 1 << 20}) {
    for (const int32_t dtype : {DMT_U2, DMT_S2, DMT_U4, DMT_S4, DMT_U8, DMT_S8}) {
      for (const int64_t m : {1, 3, 13}) {
        for (const bool zero_points : {false, true}) {
          GroupedCase c{{m, 53, 301}};
          c.group = group;
          c.dtype = dtype;
          c.zero_points = zero_points;
          expect_definition(GetParam(), c);
        }
      }
    }
  }
}

TEST_P(GroupedLinear, everyKindOfParametersEqualsTheDefinitionToTheBit) {
  for (int kind = 0; kind < 32; ++kind) {
    for (const int64_t m : {2, 10}) {
      GroupedCase c{{m, 35, 100}};
      c.half_scales = kind & 1;
      c.transposed = kind & 2;
      c.per_row = kind & 4;
      c.bias = kind & 8;
      c.codebook = kind & 16;
      if (c.codebook) c.dtype = DMT_U4;
      expect_definition(GetParam(), c);
    }
  }
}

TEST_P(GroupedLinear, depthsAroundTheBlocksEqualTheDefinitionToTheBit) {
  for (const int64_t k : {1023, 1025, 2049, 4100}) {
    for (const int64_t group : {32, 1024, 1 << 20}) {
      for (const int64_t m : {1, 9}) {
        GroupedCase c{{m, 17, k}};
        c.group = group;
        expect_definition(GetParam(), c);
        c.codebook = true;
        c.dtype = DMT_U4;
        expect_definition(GetParam(), c);
        c.codebook = false;
        c.dtype = DMT_U8;
        c.zero_points = true;
        expect_definition(GetParam(), c);
      }
    }
  }
}

TEST_P(GroupedLinear, extremeAndConstantChannelsDoNotSaturate) {
  for (const Fill fill : {Fill::greatest, Fill::least, Fill::zero, Fill::constant_channel}) {
    for (const int32_t dtype : {DMT_S4, DMT_U4, DMT_S8, DMT_U8}) {
      for (const int64_t m : {1, 9}) {
        GroupedCase c{{m, 50, 2100}};
        c.fill = fill;
        c.dtype = dtype;
        c.group = 1 << 20;
        expect_definition(GetParam(), c);
        c.zero_points = true;
        expect_definition(GetParam(), c);
      }
    }
  }
}

TEST_P(GroupedLinear, codebooksOfGreatestLevelsDoNotSaturate) {
  for (const Fill fill : {Fill::greatest, Fill::least, Fill::constant_channel}) {
    for (const int64_t group : {32, 48, 256, 1 << 20}) {
      for (const int64_t m : {1, 2, 9, 13}) {
        GroupedCase c{{m, 50, 2100}};
        c.fill = fill;
        c.dtype = DMT_U4;
        c.group = group;
        c.codebook = c.extreme_codebook = true;
        expect_definition(GetParam(), c);
      }
    }
  }
}

TEST_P(GroupedLinear, everyWidthOfAPanelEqualsTheDefinitionToTheBit) {
  for (const int64_t n : {1, 8, 9, 16, 24, 25, 32, 33, 40, 48, 49, 57, 64, 72, 80, 96, 97}) {
    for (const int64_t m : {1, 2, 4, 7}) {
      for (int kind = 0; kind < 8; ++kind) {
        GroupedCase c{{m, n, 101}};
        c.half_scales = kind & 1;
        c.zero_points = kind & 2;
        c.codebook = kind & 4;
        if (c.codebook && c.zero_points) continue;
        if (c.codebook) c.dtype = DMT_U4;
        expect_definition(GetParam(), c);
      }
    }
  }
}

TEST_P(GroupedLinear, resultsDoNotDependOnThreads) {
  for (const int threads : {2, 3, 5}) {
    for (const Shape& shape :
         std::initializer_list<Shape>{{67, 193, 129}, {1, 1999, 200}, {4, 700, 400}}) {
      GroupedCase c{shape};
      expect_definition(GetParam(), c, PoolExecutor(threads));
      c.zero_points = true;
      expect_definition(GetParam(), c, PoolExecutor(threads));
      c.zero_points = false;
      c.codebook = true;
      c.dtype = DMT_U4;
      expect_definition(GetParam(), c, PoolExecutor(threads));
    }
  }
}

}  // namespace
}  // namespace demitasse::testing
