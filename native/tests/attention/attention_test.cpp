#include "attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "norm/rows.h"
#include "threads/pool.h"

namespace demitasse {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

std::vector<Isa> levels(Isa from) {
  std::vector<Isa> levels;
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa >= from && isa <= best_isa()) levels.push_back(isa);
  }
  return levels;
}

// Merged queries, keys and values of some sequences, with some floats between the rows.
struct Sequences {
  Sequences(std::vector<int64_t> lengths, int64_t heads, int64_t head_dim, uint32_t seed = 1)
      : heads(heads), head_dim(head_dim), offsets(1, 0) {
    for (int64_t length : lengths) offsets.push_back(offsets.back() + length);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0, 1.5f);
    qkv.resize(rows() * stride());
    mask.resize(rows());
    for (float& value : qkv) value = normal(generator);
    for (float& value : mask) value = generator() % 4 == 0 ? -10000.0f : 0.0f;
    for (size_t s = 0; s + 1 < offsets.size(); ++s) {
      if (offsets[s] < offsets[s + 1]) mask[offsets[s]] = 0;  // no sequence is masked altogether
    }
  }

  int64_t rows() const { return offsets.back(); }
  int64_t features() const { return heads * head_dim; }
  int64_t stride() const { return 3 * features() + 5; }

  Attention attention() const {
    Attention a;
    a.q = qkv.data();
    a.k = a.q + features();
    a.v = a.k + features();
    a.q_stride = a.k_stride = a.v_stride = stride();
    a.heads = heads;
    a.head_dim = head_dim;
    a.scale = 1 / std::sqrt(static_cast<float>(head_dim));
    a.offsets = offsets.data();
    a.sequences = static_cast<int64_t>(offsets.size()) - 1;
    return a;
  }

  int64_t heads, head_dim;
  std::vector<int64_t> offsets;
  std::vector<float> qkv, mask;
};

std::vector<float> result(Isa isa, Attention a, const Executor& executor = serial_executor()) {
  const int64_t features = a.heads * a.head_dim;
  std::vector<float> y(a.offsets[a.sequences] * features, 77.0f);
  a.y = y.data();
  a.y_stride = features;
  attention(isa, a, executor);
  return y;
}

void expect_near(const std::vector<float>& expected, const std::vector<float>& actual,
                 float bound = 1e-5f) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(actual[i])) << i;
    } else {
      ASSERT_NEAR(expected[i], actual[i], bound * std::max(1.0f, std::fabs(expected[i]))) << i;
    }
  }
}

TEST(Attention, knownValues) {
  // Two keys with scores ln 1 and ln 3, so weights 1/4 and 3/4.
  const float q[1] = {1}, v[2] = {8, 4};
  const float k[2] = {0, std::log(3.0f)};
  const int64_t offsets[2] = {0, 2};
  const float both[2] = {q[0], q[0]};
  for (Isa isa : levels(Isa::scalar)) {
    Attention a;
    a.q = both;
    a.k = k;
    a.v = v;
    a.q_stride = a.k_stride = a.v_stride = 1;
    a.heads = a.head_dim = 1;
    a.offsets = offsets;
    a.sequences = 1;
    expect_near({5, 5}, result(isa, a), 1e-6f);
    a.causal = true;
    expect_near({8, 5}, result(isa, a), 1e-6f);
  }
}

TEST(Attention, everyLevelEqualsTheReference) {
  for (int64_t head_dim : {1, 3, 8, 15, 16, 17, 31, 32, 33, 40, 64, 80, 128}) {
    const Sequences s({1, 2, 5, 8, 11, 12, 13, 0, 16, 17, 31, 32, 33, 48, 64}, 2, head_dim);
    for (bool masked : {false, true}) {
      for (bool causal : {false, true}) {
        Attention a = s.attention();
        a.mask = masked ? s.mask.data() : nullptr;
        a.causal = causal;
        const std::vector<float> expected = result(Isa::scalar, a);
        for (Isa isa : levels(Isa::avx2)) {
          expect_near(expected, result(isa, a));
          if (HasFatalFailure()) FAIL() << isa_name(isa) << " head_dim " << head_dim;
        }
      }
    }
  }
}

TEST(Attention, longSequencesAreBlocked) {
  for (int64_t length : {511, 512, 513, 700, 1025}) {
    const Sequences s({length, 3}, 1, 16);
    for (bool causal : {false, true}) {
      Attention a = s.attention();
      a.mask = s.mask.data();
      a.causal = causal;
      const std::vector<float> expected = result(Isa::scalar, a);
      for (Isa isa : levels(Isa::avx2)) {
        expect_near(expected, result(isa, a));
        if (HasFatalFailure()) FAIL() << isa_name(isa) << " length " << length;
      }
    }
  }
}

TEST(Attention, wideHeadsUseSmallerBlocks) {
  const Sequences s({70, 150}, 1, 300);
  const std::vector<float> expected = result(Isa::scalar, s.attention());
  for (Isa isa : levels(Isa::avx2)) expect_near(expected, result(isa, s.attention()), 2e-5f);
}

TEST(Attention, fullyMaskedRowsAreThoseOfNumpy) {
  for (int64_t length : {1, 7, 40, 600}) {
    const Sequences s({length}, 2, 20);
    for (Isa isa : levels(Isa::scalar)) {
      for (float number : {-1e9f, kLowest}) {  // additive and finite: uniform weights
        Attention a = s.attention();
        const std::vector<float> mask(length, number);
        a.mask = mask.data();
        a.scale = number == kLowest ? a.scale : 0;
        const std::vector<float> y = result(isa, a);
        for (int64_t column = 0; column < s.features(); ++column) {
          double mean = 0;
          for (int64_t row = 0; row < length; ++row)
            mean += a.v[row * s.stride() + column] / length;
          ASSERT_NEAR(y[column], mean, 1e-5) << isa_name(isa) << " length " << length;
        }
      }
      Attention a = s.attention();
      const std::vector<float> mask(length, -kInfinity);
      a.mask = mask.data();
      for (float value : result(isa, a)) ASSERT_TRUE(std::isnan(value));
    }
  }
}

TEST(Attention, infinitelyMaskedKeysDoNotCount) {
  // The first block of keys is masked altogether: the running maximum starts at -infinity.
  const Sequences s({700}, 1, 24);
  for (bool causal : {false, true}) {
    Attention a = s.attention();
    a.causal = causal;
    std::vector<float> mask(700, 0);
    std::fill_n(mask.begin(), 690, -kInfinity);
    a.mask = mask.data();
    const std::vector<float> expected = result(Isa::scalar, a);
    EXPECT_EQ(std::isnan(expected[0]), causal);
    for (Isa isa : levels(Isa::avx2)) expect_near(expected, result(isa, a));
  }
}

TEST(Attention, nanAndInfinityStayInTheirSequence) {
  Sequences s({20, 30, 700}, 2, 20);
  const std::vector<float> clean_qkv = s.qkv;
  for (Isa isa : levels(Isa::scalar)) {
    s.qkv = clean_qkv;
    const std::vector<float> clean = result(isa, s.attention());
    s.qkv[25 * s.stride() + 3] = std::nanf("");             // a query
    s.qkv[26 * s.stride() + 3] = kInfinity;                 // a query
    s.qkv[60 * s.stride() + s.features()] = std::nanf("");  // a key
    const std::vector<float> y = result(isa, s.attention());
    for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
      const int64_t row = i / s.features(), head = i % s.features() / s.head_dim;
      const bool poisoned = head == 0 && (row == 25 || row == 26 || row >= 50);
      if (poisoned) {
        ASSERT_TRUE(std::isnan(y[i])) << isa_name(isa) << " row " << row;
      } else {
        ASSERT_EQ(y[i], clean[i]) << isa_name(isa) << " row " << row;
      }
    }
  }
}

TEST(Attention, neitherThreadsNorNeighboursChangeASequence) {
  const Sequences s({130, 7, 1, 600, 64, 300}, 3, 32);
  for (bool causal : {false, true}) {
    for (Isa isa : levels(Isa::avx2)) {
      Attention a = s.attention();
      a.mask = s.mask.data();
      a.causal = causal;
      const std::vector<float> expected = result(isa, a);
      for (int threads : {2, 3, 8}) EXPECT_EQ(expected, result(isa, a, PoolExecutor(threads)));
      for (int64_t sequence = 0; sequence < a.sequences; ++sequence) {
        const int64_t row = s.offsets[sequence];
        const int64_t alone[2] = {0, s.offsets[sequence + 1] - row};
        Attention one = a;
        one.q += row * s.stride();
        one.k += row * s.stride();
        one.v += row * s.stride();
        one.mask += row;
        one.offsets = alone;
        one.sequences = 1;
        const auto begin = expected.begin() + row * s.features();
        EXPECT_EQ(std::vector<float>(begin, begin + alone[1] * s.features()), result(isa, one));
      }
    }
  }
}

TEST(Attention, quantizedOutputIsTheQuantizedFloatOutput) {
  const Sequences s({30, 1, 300}, 3, 20);
  const int64_t rows = s.rows(), features = s.features(), stride = 64;
  for (Isa isa : levels(Isa::scalar)) {
    const std::vector<float> y = result(isa, s.attention());
    for (Requantize mode : {Requantize::dynamic_row, Requantize::given}) {
      const bool per_row = mode == Requantize::dynamic_row;
      std::vector<uint8_t> expected(rows * stride), actual(rows * stride);
      std::vector<float> expected_scales(per_row ? rows : 1, 0.01f), scales = expected_scales;
      std::vector<int32_t> expected_zeros(per_row ? rows : 1, 100), zeros = expected_zeros;
      quantize_rows(
          isa, y.data(), features, features, rows, mode,
          {expected.data(), stride, expected_scales.data(), expected_zeros.data(), per_row},
          serial_executor());
      Attention a = s.attention();
      a.requantize = mode;
      a.quantized = {actual.data(), stride, scales.data(), zeros.data(), per_row};
      attention(isa, a, PoolExecutor(2));
      EXPECT_EQ(expected_scales, scales);
      EXPECT_EQ(expected_zeros, zeros);
      for (int64_t i = 0; i < rows * features; ++i) {
        const int64_t at = i / features * stride + i % features;
        ASSERT_EQ(expected[at], actual[at]) << isa_name(isa) << " " << i;
      }
    }
  }
}

TEST(Attention, noSequencesAndEmptySequencesAreFine) {
  const int64_t offsets[3] = {0, 0, 0};
  for (Isa isa : levels(Isa::scalar)) {
    Attention a;
    a.heads = 2;
    a.head_dim = 4;
    a.offsets = offsets;
    for (int64_t sequences : {0, 2}) {
      a.sequences = sequences;
      attention(isa, a, serial_executor());
    }
  }
}

}  // namespace
}  // namespace demitasse
