#include "norm/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quantize/parameters.h"
#include "threads/pool.h"

namespace demitasse {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

std::vector<Isa> vector_levels() {
  std::vector<Isa> levels;
  for (Isa isa : {Isa::avx2, Isa::avx512}) {
    if (isa <= best_isa()) levels.push_back(isa);
  }
  return levels;
}

std::vector<int64_t> feature_counts() {
  std::vector<int64_t> counts;
  for (int64_t n = 1; n <= 70; ++n) counts.push_back(n);
  counts.insert(counts.end(), {127, 384, 385, 1536, 5000});
  return counts;
}

std::vector<float> random_floats(int64_t n, uint32_t seed, float deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.1f, deviation);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& value : x) value = normal(generator);
  return x;
}

void expect_near(const std::vector<float>& expected, const std::vector<float>& actual,
                 float bound) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(actual[i])) << i;
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(expected[i], actual[i]) << i;
    } else {
      ASSERT_NEAR(expected[i], actual[i], bound * std::max(1.0f, std::fabs(expected[i]))) << i;
    }
  }
}

// Codes and parameters of some rows, with guard bytes between the rows' ends and the stride.
struct Codes {
  Codes(int64_t rows, int64_t features, bool per_row)
      : rows(rows),
        features(features),
        bytes(rows * stride(features), 0xcd),
        scales(per_row ? rows : 1, -1),
        zero_points(per_row ? rows : 1, -1) {}

  static int64_t stride(int64_t features) { return (features + 64) / 64 * 64; }
  QuantizedRows view() {
    return {bytes.data(), stride(features), scales.data(), zero_points.data(),
            scales.size() > 1 || rows == 1 ? 1 : 0};
  }
  void expect_equal(const Codes& other) const {
    ASSERT_EQ(scales, other.scales);
    ASSERT_EQ(zero_points, other.zero_points);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < features; ++i) {
        const int64_t at = row * stride(features) + i;
        ASSERT_EQ(bytes[at], other.bytes[at]) << "row " << row << " feature " << i;
      }
    }
  }

  int64_t rows, features;
  std::vector<uint8_t> bytes;
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
};

// ---- layer normalization ----

struct LayerNormResult {
  std::vector<float> sum, y;
};

LayerNormResult normalized(Isa isa, LayerNorm norm, int64_t rows,
                           const Executor& executor = serial_executor()) {
  LayerNormResult result;
  result.sum.resize(rows * norm.features);
  result.y.resize(rows * norm.features);
  norm.sum = result.sum.data();
  norm.y = result.y.data();
  layer_norm(isa, norm, rows, executor);
  return result;
}

TEST(LayerNorm, everyLevelEqualsTheReference) {
  constexpr int64_t kRows = 3;
  for (int64_t n : feature_counts()) {
    const std::vector<float> x = random_floats(kRows * n, 1),
                             residual = random_floats(kRows * n, 2), gamma = random_floats(n, 3),
                             beta = random_floats(n, 4);
    for (bool rms : {false, true}) {
      for (int optional = 0; optional < 4; ++optional) {
        const LayerNorm norm{.x = x.data(),
                             .residual = optional & 1 ? residual.data() : nullptr,
                             .gamma = gamma.data(),
                             .beta = optional & 2 ? beta.data() : nullptr,
                             .features = n,
                             .epsilon = 1e-5f,
                             .rms = rms};
        const LayerNormResult expected = normalized(Isa::scalar, norm, kRows);
        for (Isa isa : vector_levels()) {
          const LayerNormResult actual = normalized(isa, norm, kRows);
          ASSERT_EQ(expected.sum, actual.sum);
          // With few features the variance can be tiny, which magnifies the mean's rounding.
          expect_near(expected.y, actual.y, n < 4 ? 2e-4f : 4e-6f);
          if (HasFatalFailure()) FAIL() << isa_name(isa) << " features " << n;
        }
      }
    }
  }
}

TEST(LayerNorm, knownValues) {
  const std::vector<float> x = {1, 2, 3, 4}, gamma = {1, 1, 2, 1}, beta = {0, 1, 0, 0};
  const LayerNorm norm{
      .x = x.data(), .gamma = gamma.data(), .beta = beta.data(), .features = 4, .epsilon = 0};
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa > best_isa()) continue;
    const float unit = 1 / std::sqrt(1.25f);
    expect_near({-1.5f * unit, -0.5f * unit + 1, unit, 1.5f * unit}, normalized(isa, norm, 1).y,
                1e-6f);
  }
}

TEST(LayerNorm, aLargeCommonOffsetCancels) {
  std::vector<float> x = random_floats(384, 5);
  for (float& value : x) value += 1000;
  const std::vector<float> gamma(384, 1.0f);
  const LayerNorm norm{.x = x.data(), .gamma = gamma.data(), .features = 384};
  const LayerNormResult expected = normalized(Isa::scalar, norm, 1);
  for (Isa isa : vector_levels()) expect_near(expected.y, normalized(isa, norm, 1).y, 3e-4f);
}

TEST(LayerNorm, quantizedOutputIsTheQuantizedFloatOutput) {
  constexpr int64_t kRows = 5;
  for (int64_t n : feature_counts()) {
    const std::vector<float> x = random_floats(kRows * n, 6),
                             residual = random_floats(kRows * n, 7), gamma = random_floats(n, 8),
                             beta = random_floats(n, 9);
    LayerNorm norm{.x = x.data(),
                   .residual = residual.data(),
                   .gamma = gamma.data(),
                   .beta = beta.data(),
                   .features = n};
    for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
      if (isa > best_isa()) continue;
      for (Requantize mode : {Requantize::dynamic_row, Requantize::given}) {
        const std::vector<float> y = normalized(isa, norm, kRows).y;
        Codes expected(kRows, n, mode == Requantize::dynamic_row);
        Codes actual(kRows, n, mode == Requantize::dynamic_row);
        for (Codes* codes : {&expected, &actual}) codes->scales[0] = 0.02f;
        for (Codes* codes : {&expected, &actual}) codes->zero_points[0] = 120;
        quantize_rows(Isa::scalar, y.data(), n, n, kRows, mode, expected.view(), serial_executor());
        LayerNorm quantizing = norm;  // neither sum nor y wanted
        quantizing.requantize = mode;
        quantizing.quantized = actual.view();
        layer_norm(isa, quantizing, kRows, serial_executor());
        actual.expect_equal(expected);
        if (HasFatalFailure()) FAIL() << isa_name(isa) << " features " << n;
      }
    }
  }
}

TEST(LayerNorm, nanAndInfinityStayInTheirRow) {
  constexpr int64_t kFeatures = 37;
  const std::vector<float> gamma(kFeatures, 1.0f);
  std::vector<float> x = random_floats(3 * kFeatures, 10);
  const std::vector<float> clean = x;
  x[kFeatures + 35] = kNan;
  x[2 * kFeatures + 3] = kInfinity;
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa > best_isa()) continue;
    LayerNorm norm{.x = x.data(), .gamma = gamma.data(), .features = kFeatures};
    const std::vector<float> y = normalized(isa, norm, 3).y;
    norm.x = clean.data();
    const std::vector<float> clean_y = normalized(isa, norm, 1).y;
    for (int64_t i = 0; i < kFeatures; ++i) {
      EXPECT_EQ(y[i], clean_y[i]);
      EXPECT_TRUE(std::isnan(y[kFeatures + i]));
      EXPECT_TRUE(std::isnan(y[2 * kFeatures + i]));
    }
  }
}

TEST(LayerNorm, threadsAndRowsDoNotChangeTheResult) {
  constexpr int64_t kRows = 301, kFeatures = 100;
  const std::vector<float> x = random_floats(kRows * kFeatures, 11), gamma = random_floats(100, 12);
  LayerNorm norm{.x = x.data(), .gamma = gamma.data(), .features = kFeatures};
  const std::vector<float> expected = normalized(best_isa(), norm, kRows).y;
  for (int threads : {2, 3, 8}) {
    EXPECT_EQ(expected, normalized(best_isa(), norm, kRows, PoolExecutor(threads)).y);
  }
  norm.x += 17 * kFeatures;
  const std::vector<float> one = normalized(best_isa(), norm, 1).y;
  EXPECT_EQ(one, std::vector<float>(expected.begin() + 17 * kFeatures,
                                    expected.begin() + 18 * kFeatures));
}

// ---- quantization ----

TEST(Quantization, parametersFollowOnnx) {
  const QuantizationParameters zero = quantization_parameters(0, 0);
  EXPECT_EQ(zero.scale, 1);
  EXPECT_EQ(zero.zero_point, 0);
  const QuantizationParameters half = quantization_parameters(-0.5f, 254.5f);
  EXPECT_EQ(half.scale, 1);
  EXPECT_EQ(half.zero_point, 0);  // 0.5, half to even
  EXPECT_EQ(quantization_parameters(-1.5f, 253.5f).zero_point, 2);
  // The example of ONNX DynamicQuantizeLinear.
  const QuantizationParameters example = quantization_parameters(-2.5f, 2);
  EXPECT_EQ(example.scale, 4.5f / 255);
  EXPECT_EQ(example.zero_point, 142);
  EXPECT_EQ(quantize(-3, example), 0);
  EXPECT_EQ(quantize(-0.98f, example), 86);
  EXPECT_EQ(quantize(1.34f, example), 218);
}

TEST(Quantization, parametersOfExtremeRangesAreUsable) {
  const float largest = std::numeric_limits<float>::max();
  const float least = std::numeric_limits<float>::denorm_min();
  for (const auto& [low, high] : std::vector<std::pair<float, float>>{{-largest, largest},
                                                                      {-kInfinity, kInfinity},
                                                                      {0, kInfinity},
                                                                      {0, least},
                                                                      {-least, least}}) {
    const QuantizationParameters parameters = quantization_parameters(low, high);
    EXPECT_TRUE(std::isfinite(parameters.scale));
    EXPECT_GT(parameters.scale, 0);
    EXPECT_GE(parameters.zero_point, 0);
    EXPECT_LE(parameters.zero_point, 255);
    EXPECT_EQ(quantize(0, parameters), parameters.zero_point);
  }
}

TEST(Quantization, halvesRoundToEven) {
  const QuantizationParameters parameters{0.5f, 10};
  EXPECT_EQ(quantize(0.25f, parameters), 10);
  EXPECT_EQ(quantize(0.75f, parameters), 12);
  EXPECT_EQ(quantize(-0.25f, parameters), 10);
  EXPECT_EQ(quantize(-0.75f, parameters), 8);
}

// Ordinary values, halves, and everything that is special.
std::vector<float> awkward_floats(int64_t n, uint32_t seed) {
  std::vector<float> x = random_floats(n, seed, 2);
  std::mt19937 generator(seed);
  const std::vector<float> special = {0.0f,    -0.0f, 0.5f,   1.5f,    -0.5f, 1e-42f,
                                      -1e-42f, 1e-7f, 126.5f, -126.5f, 1e20f, -1e20f};
  for (int64_t i = 0; i < n / 8; ++i) x[generator() % n] = special[generator() % special.size()];
  return x;
}

TEST(Quantization, everyLevelGivesTheSameCodes) {
  constexpr int64_t kRows = 9;
  for (int64_t n : feature_counts()) {
    std::vector<float> x = awkward_floats(kRows * n, static_cast<uint32_t>(n));
    std::fill_n(x.begin(), n, 0.0f);      // a row of zeros
    std::fill_n(x.begin() + n, n, kNan);  // a row of nothing
    x[2 * n + n / 2] = kInfinity;         // infinities
    x[3 * n + n / 2] = -kInfinity;
    x[4 * n + n - 1] = kNan;
    std::fill_n(x.begin() + 5 * n, n, 3e-45f);  // steps below the least float
    std::fill_n(x.begin() + 6 * n, n, -3e38f);
    for (Requantize mode : {Requantize::dynamic_row, Requantize::given}) {
      Codes expected(kRows, n, mode == Requantize::dynamic_row);
      expected.scales[0] = 1;
      expected.zero_points[0] = 128;
      const Codes initial = expected;
      quantize_rows(Isa::scalar, x.data(), n, n, kRows, mode, expected.view(), serial_executor());
      for (Isa isa : vector_levels()) {
        Codes actual = initial;
        quantize_rows(isa, x.data(), n, n, kRows, mode, actual.view(), serial_executor());
        actual.expect_equal(expected);
        if (HasFatalFailure()) FAIL() << isa_name(isa) << " features " << n;
      }
    }
  }
}

TEST(Quantization, nothingIsWrittenBehindARow) {
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa > best_isa()) continue;
    for (int64_t n : feature_counts()) {
      const std::vector<float> x = random_floats(n, 1);
      Codes codes(1, n, true);
      quantize_rows(isa, x.data(), n, n, 1, Requantize::dynamic_row, codes.view(),
                    serial_executor());
      for (int64_t i = n; i < Codes::stride(n); ++i) ASSERT_EQ(codes.bytes[i], 0xcd) << n;
    }
  }
}

TEST(Quantization, rowsMayBeStrided) {
  const std::vector<float> x = random_floats(4 * 50, 2);
  Codes strided(4, 40, true), packed(4, 40, true);
  std::vector<float> copy;
  for (int row = 0; row < 4; ++row) {
    copy.insert(copy.end(), x.begin() + row * 50, x.begin() + row * 50 + 40);
  }
  quantize_rows(best_isa(), x.data(), 50, 40, 4, Requantize::dynamic_row, strided.view(),
                serial_executor());
  quantize_rows(best_isa(), copy.data(), 40, 40, 4, Requantize::dynamic_row, packed.view(),
                serial_executor());
  strided.expect_equal(packed);
}

TEST(Quantization, aTensorHasOneRangeWhateverTheThreads) {
  constexpr int64_t kRows = 500, kFeatures = 70;
  std::vector<float> x = random_floats(kRows * kFeatures, 3);
  x[123] = 9;
  x[kRows * kFeatures - 1] = -7;
  const QuantizationParameters parameters = quantization_parameters(-7, 9);
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa > best_isa()) continue;
    for (int threads : {1, 2, 5}) {
      Codes codes(kRows, kFeatures, false);
      quantize_tensor(isa, x.data(), kFeatures, kRows, codes.view(), PoolExecutor(threads));
      EXPECT_EQ(codes.scales[0], parameters.scale);
      EXPECT_EQ(codes.zero_points[0], parameters.zero_point);
      for (int64_t i = 0; i < kRows * kFeatures; ++i) {
        const int64_t at = i / kFeatures * Codes::stride(kFeatures) + i % kFeatures;
        ASSERT_EQ(codes.bytes[at], quantize(x[i], parameters)) << i;
      }
    }
  }
}

// ---- softmax ----

std::vector<float> softmax_of(Isa isa, std::vector<float> x, int64_t features) {
  softmax_rows(isa, x.data(), x.data(), features, static_cast<int64_t>(x.size()) / features,
               serial_executor());
  return x;
}

TEST(Softmax, everyLevelEqualsTheReference) {
  for (int64_t n : feature_counts()) {
    const std::vector<float> x = random_floats(3 * n, 4, 5);
    const std::vector<float> expected = softmax_of(Isa::scalar, x, n);
    for (Isa isa : vector_levels()) {
      expect_near(expected, softmax_of(isa, x, n), 1e-6f);
      if (HasFatalFailure()) FAIL() << isa_name(isa) << " features " << n;
    }
  }
}

TEST(Softmax, specialRowsAreThoseOfNumpy) {
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  for (int64_t n : {1, 5, 16, 37}) {
    for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
      if (isa > best_isa()) continue;
      for (float y : softmax_of(isa, std::vector<float>(n, kLowest), n)) EXPECT_EQ(y, 1.0f / n);
      for (float y : softmax_of(isa, std::vector<float>(n, -kInfinity), n)) {
        EXPECT_TRUE(std::isnan(y));
      }
      std::vector<float> x(n, 1.0f);
      x[n - 1] = kNan;
      for (float y : softmax_of(isa, x, n)) EXPECT_TRUE(std::isnan(y));
      if (n == 1) continue;
      x[n - 1] = -kInfinity;
      x[0] = 200;
      const std::vector<float> y = softmax_of(isa, x, n);
      EXPECT_EQ(y[0], 1);
      EXPECT_EQ(y[n - 1], 0);
    }
  }
}

// ---- activation functions ----

TEST(Activations, everyLevelEqualsTheReference) {
  std::vector<float> x = random_floats(4001, 5, 4);
  x.insert(x.end(), {0, -0.0f, 1e30f, -1e30f, 100, -100, 20, -20, 5.5f, -5.5f, 1e-30f, kNan,
                     kInfinity, -kInfinity, 3.93f * 1.4142f});
  const auto n = static_cast<int64_t>(x.size());
  for (int activation = DMT_ACTIVATION_NONE; activation <= DMT_ACTIVATION_SIGMOID; ++activation) {
    const auto kind = static_cast<dmt_activation>(activation);
    std::vector<float> expected(x.size());
    activate(Isa::scalar, kind, x.data(), expected.data(), n);
    for (Isa isa : vector_levels()) {
      std::vector<float> actual(x.size());
      activate(isa, kind, x.data(), actual.data(), n);
      expect_near(expected, actual, 1e-6f);
      if (HasFatalFailure()) FAIL() << isa_name(isa) << " activation " << activation;
      activate(isa, kind, x.data() + 1, actual.data(), 13);  // an odd piece
      expect_near({expected.begin() + 1, expected.begin() + 14},
                  {actual.begin(), actual.begin() + 13}, 1e-6f);
    }
  }
}

TEST(Activations, knownValues) {
  const float x[4] = {-1, 0, 1, 4};
  const auto check = [&](dmt_activation activation, std::vector<float> expected) {
    for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
      if (isa > best_isa()) continue;
      std::vector<float> y(4);
      activate(isa, activation, x, y.data(), 4);
      expect_near(expected, y, 1e-6f);
    }
  };
  check(DMT_ACTIVATION_RELU, {0, 0, 1, 4});
  check(DMT_ACTIVATION_GELU_ERF, {-0.15865525f, 0, 0.84134475f, 3.99987332f});
  check(DMT_ACTIVATION_GELU_TANH, {-0.15880801f, 0, 0.84119199f, 3.99992973f});
  check(DMT_ACTIVATION_SILU, {-0.26894142f, 0, 0.73105858f, 3.92805516f});
  check(DMT_ACTIVATION_HARD_SWISH, {-1.0f / 3, 0, 2.0f / 3, 4});
  check(DMT_ACTIVATION_TANH, {-0.76159416f, 0, 0.76159416f, 0.99932930f});
  check(DMT_ACTIVATION_SIGMOID, {0.26894142f, 0.5f, 0.73105858f, 0.98201379f});
}

}  // namespace
}  // namespace demitasse
