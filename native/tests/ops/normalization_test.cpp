#include <cmath>
#include <limits>
#include <random>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

using Dims = std::vector<int64_t>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TestTensor normal(Dims dims, uint32_t seed, float mean = 0) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution(mean, 2);
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(generator);
  return tensor<float>(std::move(dims), values);
}

TestTensor halves(const TestTensor& floats) {
  std::vector<Float16> values;
  for (const float value : floats.values<float>()) values.push_back(Float16(value));
  return tensor<Float16>(floats.dims, values);
}

void expect_near(const std::vector<float>& actual, const std::vector<double>& expected,
                 double tolerance = 1e-5) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << i;
  }
}

std::vector<double> softmax(const std::vector<float>& x, int64_t outer, int64_t size, int64_t inner,
                            bool logarithm) {
  std::vector<double> y(x.size());
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      const auto at = [&](int64_t j) { return (o * size + j) * inner + i; };
      for (int64_t j = 0; j < size; ++j) sum += std::exp(static_cast<double>(x[at(j)]));
      for (int64_t j = 0; j < size; ++j) {
        y[at(j)] = logarithm ? x[at(j)] - std::log(sum) : std::exp(x[at(j)]) / sum;
      }
    }
  }
  return y;
}

TEST(Softmax, EqualsItsDefinitionAroundAnyAxis) {
  const std::vector<Dims> views{{1, 1, 1}, {3, 5, 1}, {2, 33, 7}, {1, 4, 100}, {50, 2, 1}};
  for (const Dims& view : views) {
    const TestTensor x = normal(view, 1);
    const std::vector<float> v = x.values<float>();
    expect_near(run("Softmax", {x}, DMT_F32, view, view).values<float>(),
                softmax(v, view[0], view[1], view[2], false));
    expect_near(run("LogSoftmax", {x}, DMT_F32, view, view).values<float>(),
                softmax(v, view[0], view[1], view[2], true));
  }
}

TEST(Softmax, LargeNumbersDoNotOverflow) {
  const TestTensor x = tensor<float>({1, 3}, {10000, 10000, -10000});
  EXPECT_EQ(run("Softmax", {x}, DMT_F32, {1, 3}, {1, 3, 1}).values<float>(),
            (std::vector<float>{0.5, 0.5, 0}));
  const TestTensor d = tensor<double>({2}, {1e4, -kInfinity});
  EXPECT_EQ(run("Softmax", {d}, DMT_F64, {2}, {1, 2, 1}).values<double>(),
            (std::vector<double>{1, 0}));
}

TEST(Softmax, RowsNeedNotBeCounted) {
  const TestTensor x = normal({5, 3, 2}, 1);
  EXPECT_EQ(run("Softmax", {x}, DMT_F32, {5, 3, 2}, {-1, 3, 2}).bytes,
            run("Softmax", {x}, DMT_F32, {5, 3, 2}, {5, 3, 2}).bytes);
}

TEST(Softmax, HardmaxMarksTheFirstLargest) {
  const TestTensor x = tensor<float>({2, 3}, {1, 3, 3, 0, -1, -2});
  EXPECT_EQ(run("Hardmax", {x}, DMT_F32, {2, 3}, {2, 3, 1}).values<float>(),
            (std::vector<float>{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(run("Hardmax", {halves(x)}, DMT_F16, {2, 3}, {1, 2, 3}).bytes,
            halves(tensor<float>({6}, {1, 1, 1, 0, 0, 0})).bytes);
}

TEST(Softmax, AViewThatDoesNotCoverTheTensorIsRejected) {
  std::vector<TestTensor> out{empty(DMT_F32, {2, 3})};
  const TestTensor x = normal({2, 3}, 1);
  for (const Dims& view : std::vector<Dims>{
           {2, 2, 1}, {-2, -3, 1}, {1LL << 62, 4, 1}, {-1, 4, 1}, {-1, 0, 1}, {2, 3}}) {
    EXPECT_EQ(try_call("Softmax", {x}, out, view), DMT_INVALID_ARGUMENT);
  }
}

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(const float* x, int64_t count, int64_t step = 1) {
  Moments m;
  for (int64_t i = 0; i < count; ++i) m.mean += x[i * step] / static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) {
    m.variance += (x[i * step] - m.mean) * (x[i * step] - m.mean) / static_cast<double>(count);
  }
  return m;
}

TEST(LayerNormalization, NormalizesTheLastAxesAndTellsItsMoments) {
  for (int64_t axis = 0; axis < 3; ++axis) {
    const Dims dims{3, 5, 7};
    const int64_t features = axis == 0 ? 105 : axis == 1 ? 35 : 7, rows = 105 / features;
    const TestTensor x = normal(dims, 2, 3);
    const Dims inner(dims.begin() + axis, dims.end());
    const TestTensor scale = normal(inner, 3), bias = normal({7}, 4);
    std::vector<TestTensor> out{empty(DMT_F32, dims), empty(DMT_F32, {rows}),
                                empty(DMT_F32, {rows})};
    ASSERT_EQ(try_call("LayerNormalization", {x, scale, bias}, out, {axis}, {1e-5}), DMT_OK)
        << dmt_last_error();
    const std::vector<float> v = x.values<float>(), s = scale.values<float>(),
                             b = bias.values<float>();
    std::vector<double> expected, means, deviations;
    for (int64_t row = 0; row < rows; ++row) {
      const Moments m = moments(v.data() + row * features, features);
      means.push_back(m.mean);
      deviations.push_back(1 / std::sqrt(m.variance + 1e-5));
      for (int64_t i = 0; i < features; ++i) {
        expected.push_back((v[row * features + i] - m.mean) * deviations.back() * s[i] + b[i % 7]);
      }
    }
    expect_near(out[0].values<float>(), expected);
    expect_near(out[1].values<float>(), means);
    expect_near(out[2].values<float>(), deviations);
  }
}

TEST(LayerNormalization, MomentsOfNothingAreNaN) {
  const TestTensor x = tensor<float>({2, 0}, {}), scale = tensor<float>({0}, {});
  std::vector<TestTensor> out{empty(DMT_F32, {2, 0}), empty(DMT_F32, {2, 1}),
                              empty(DMT_F32, {2, 1})};
  ASSERT_EQ(try_call("LayerNormalization", {x, scale}, out, {1}, {1e-5}), DMT_OK)
      << dmt_last_error();
  for (const float moment : out[1].values<float>()) EXPECT_TRUE(std::isnan(moment));
  for (const float moment : out[2].values<float>()) EXPECT_TRUE(std::isnan(moment));
}

TEST(LayerNormalization, HalvesAndDoublesFollow) {
  const TestTensor x = normal({4, 9}, 5), scale = normal({9}, 6);
  const std::vector<float> y =
      run("RMSNormalization", {x, scale}, DMT_F32, {4, 9}, {1}, {1e-6}).values<float>();
  std::vector<double> doubles;
  for (const float value : x.values<float>()) doubles.push_back(value);
  std::vector<double> scales;
  for (const float value : scale.values<float>()) scales.push_back(value);
  const std::vector<double> d =
      run("RMSNormalization", {tensor<double>({4, 9}, doubles), tensor<double>({9}, scales)},
          DMT_F64, {4, 9}, {1}, {1e-6})
          .values<double>();
  expect_near(y, d);
  const std::vector<Float16> h =
      run("RMSNormalization", {halves(x), halves(scale)}, DMT_F16, {4, 9}, {1}, {1e-6})
          .values<Float16>();
  expect_near({h.begin(), h.end()}, d, 2e-3);
}

TEST(LayerNormalization, SkipAddsBeforeAndGivesTheSum) {
  const TestTensor x = normal({2, 3, 8}, 1), skip = normal({3, 8}, 2), addend = normal({8}, 3);
  const TestTensor gamma = normal({8}, 4), beta = normal({8}, 5);
  std::vector<TestTensor> out{empty(DMT_F32, x.dims), {}, {}, empty(DMT_F32, x.dims)};
  ASSERT_EQ(try_call("SkipLayerNormalization", {x, skip, gamma, beta, addend}, out, {0}, {1e-5}),
            DMT_OK)
      << dmt_last_error();
  std::vector<double> sum;
  for (int64_t i = 0; i < 48; ++i) {
    sum.push_back(x.values<float>()[i] + skip.values<float>()[i % 24] +
                  addend.values<float>()[i % 8]);
  }
  expect_near(out[3].values<float>(), sum);
  EXPECT_EQ(run("LayerNormalization", {out[3], gamma, beta}, DMT_F32, x.dims, {2}, {1e-5}).bytes,
            out[0].bytes);
}

TEST(ChannelNormalization, GroupsOfChannels) {
  const int64_t groups = 2, channels = 6, inner = 5;
  const TestTensor x = normal({3, channels, inner}, 1, 4);
  const TestTensor scale = normal({channels}, 2), bias = normal({channels}, 3);
  const std::vector<float> y =
      run("GroupNormalization", {x, scale, bias}, DMT_F32, x.dims, {groups}, {1e-5})
          .values<float>();
  const std::vector<float> v = x.values<float>();
  std::vector<double> expected;
  for (int64_t i = 0; i < 90; ++i) {
    const int64_t channel = i / inner % channels, group = i / 15;
    const Moments m = moments(v.data() + group * 15, 15);
    expected.push_back((v[i] - m.mean) / std::sqrt(m.variance + 1e-5) *
                           scale.values<float>()[channel] +
                       bias.values<float>()[channel]);
  }
  expect_near(y, expected);
}

TEST(ChannelNormalization, BatchNormalizationUsesTheGivenStatistics) {
  const TestTensor x = tensor<float>({1, 2, 2}, {1, 2, 3, 4});
  const std::vector<TestTensor> inputs{x, tensor<float>({2}, {1, 2}), tensor<float>({2}, {0, 1}),
                                       tensor<float>({2}, {1, 3}), tensor<double>({2}, {4, 0.25})};
  expect_near(run("BatchNormalization", inputs, DMT_F32, x.dims, {}, {0}).values<float>(),
              {0, 0.5, 1, 5});
}

TEST(ChannelNormalization, ResponseOfNeighbouringChannels) {
  const TestTensor x = tensor<float>({1, 4, 1}, {1, 2, 3, 4});
  const std::vector<float> y =
      run("LRN", {x}, DMT_F32, x.dims, {2}, {0.5, 0.75, 1}).values<float>();
  const auto response = [](double value, double squares) {
    return value / std::pow(1 + 0.25 * squares, 0.75);
  };
  expect_near(y, {response(1, 5), response(2, 13), response(3, 25), response(4, 16)});
}

TEST(AxisNormalization, DividesByTheNormAndKeepsZeros) {
  const TestTensor x = tensor<float>({2, 2}, {3, 0, -4, 0});
  expect_near(run("LpNormalization", {x}, DMT_F32, {2, 2}, {0, 2}).values<float>(),
              {0.6, 0, -0.8, 0});
  expect_near(run("LpNormalization", {x}, DMT_F32, {2, 2}, {1, 1}).values<float>(), {1, 0, -1, 0});
}

TEST(AxisNormalization, MeanAndVarianceOverSomeAxes) {
  const TestTensor x = normal({3, 4, 5}, 6, 2);
  const std::vector<float> v = x.values<float>();
  const std::vector<float> y =
      run("MeanVarianceNormalization", {x}, DMT_F32, x.dims, {0, 2}).values<float>();
  std::vector<double> expected(60);
  for (int64_t c = 0; c < 4; ++c) {
    std::vector<float> channel;
    for (int64_t i = 0; i < 60; ++i) {
      if (i / 5 % 4 == c) channel.push_back(v[i]);
    }
    const Moments m = moments(channel.data(), 15);
    for (int64_t i = 0; i < 60; ++i) {
      if (i / 5 % 4 == c) expected[i] = (v[i] - m.mean) / std::sqrt(m.variance);
    }
  }
  expect_near(y, expected);
}

TEST(BiasGelu, EqualsItsDefinition) {
  const TestTensor x = normal({3, 17}, 8), bias = normal({17}, 9);
  std::vector<double> erf, tanh;
  for (int64_t i = 0; i < 51; ++i) {
    const double v = x.values<float>()[i] + bias.values<float>()[i % 17];
    erf.push_back(0.5 * v * (1 + std::erf(v / std::sqrt(2.0))));
    tanh.push_back(0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))));
  }
  expect_near(run("BiasGelu", {x, bias}, DMT_F32, x.dims, {0}).values<float>(), erf);
  expect_near(run("BiasGelu", {x, bias}, DMT_F32, x.dims, {1}).values<float>(), tanh);
}

// Two query heads share one key and value head; the mask is shorter than the keys.
TEST(AttentionOperator, EqualsItsDefinitionWithPastMaskAndCap) {
  const int64_t heads = 2, queries = 3, past = 2, keys = 5, size = 4, value_size = 6;
  const TestTensor q = normal({1, heads, queries, size}, 1), k = normal({1, 1, 3, size}, 2);
  const TestTensor v = normal({1, 1, 3, value_size}, 3);
  const TestTensor past_k = normal({1, 1, past, size}, 4),
                   past_v = normal({1, 1, past, value_size}, 5);
  const TestTensor mask = normal({queries, 4}, 6);
  std::vector<TestTensor> out{
      empty(DMT_F32, {1, heads, queries, value_size}), empty(DMT_F32, {1, 1, keys, size}),
      empty(DMT_F32, {1, 1, keys, value_size}), empty(DMT_F32, {1, heads, queries, keys})};
  ASSERT_EQ(try_call("Attention", {q, k, v, mask, past_k, past_v}, out, {1, 0, 0, 3}, {0.5, 2}),
            DMT_OK)
      << dmt_last_error();
  const std::vector<float> qv = q.values<float>(), kv = out[1].values<float>();
  const std::vector<float> vv = out[2].values<float>();
  EXPECT_EQ(std::vector<float>(kv.begin(), kv.begin() + past * size), past_k.values<float>());
  EXPECT_EQ(std::vector<float>(vv.begin() + past * value_size, vv.end()), v.values<float>());
  std::vector<double> probabilities, y;
  for (int64_t row = 0; row < heads * queries; ++row) {
    const int64_t i = row % queries;
    std::vector<double> p(keys, 0);
    double sum = 0;
    for (int64_t j = 0; j < std::min<int64_t>(4, i + past + 1); ++j) {
      double score = 0;
      for (int64_t d = 0; d < size; ++d) score += 0.5 * qv[row * size + d] * kv[j * size + d];
      p[j] = std::exp(2 * std::tanh(score / 2) + mask.values<float>()[i * 4 + j]);
      sum += p[j];
    }
    for (double& value : p) probabilities.push_back(value /= sum);
    for (int64_t d = 0; d < value_size; ++d) {
      double total = 0;
      for (int64_t j = 0; j < keys; ++j) total += p[j] * vv[j * value_size + d];
      y.push_back(total);
    }
  }
  expect_near(out[3].values<float>(), probabilities, 1e-4);
  expect_near(out[0].values<float>(), y, 1e-4);
}

TEST(AttentionOperator, RankThreeIsRankFourWithHeadsInside) {
  const TestTensor q = normal({2, 3, 8}, 1), k = normal({2, 5, 8}, 2), v = normal({2, 5, 8}, 3);
  const TestTensor y = run("Attention", {q, k, v}, DMT_F32, {2, 3, 8}, {0, 2, 2, 0}, {0.5, 0});
  const auto apart = [](const TestTensor& x) {
    TestTensor split = x;
    split.dims = {2, x.dims[1], 2, 4};
    return run("Transpose", {split}, DMT_F32, {2, 2, x.dims[1], 4}, {0, 2, 1, 3});
  };
  const TestTensor four = run("Attention", {apart(q), apart(k), apart(v)}, DMT_F32, {2, 2, 3, 4},
                              {0, 0, 0, 0}, {0.5, 0});
  EXPECT_EQ(apart(y).bytes, four.bytes);
}

TEST(AttentionOperator, WhatDoesNotFitIsRejected) {
  const TestTensor q = normal({2, 3, 8}, 1), k = normal({2, 5, 8}, 2);
  const auto rejected = [&](const std::vector<TestTensor>& inputs, const Dims& integers) {
    std::vector<TestTensor> out{empty(DMT_F32, {2, 3, 8})};
    EXPECT_EQ(try_call("Attention", inputs, out, integers, {1, 0}), DMT_INVALID_ARGUMENT);
  };
  rejected({q, k, k}, {0, 3, 2, 0});
  rejected({q, k, k}, {0, 2, 0, 0});
  rejected({q, k, normal({2, 4, 8}, 1)}, {0, 2, 2, 0});
  rejected({q, k, k, normal({4, 5}, 1)}, {0, 2, 2, 0});
  rejected({q, k, k, {}, normal({1, 2, 5, 4}, 1)}, {0, 2, 2, 0});
  rejected({q, k, k, {}, {}, {}, tensor<int64_t>({2}, {5, 6})}, {0, 2, 2, 0});
  rejected({q, k, k, {}, {}, {}, tensor<int64_t>({2}, {5, INT64_MIN})}, {1, 2, 2, 0});
}

TEST(RotaryEmbedding, RotatesPairsByThePositionsAngle) {
  const TestTensor x = tensor<float>({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const TestTensor cosines = tensor<float>({3, 1}, {1, 0, -1}),
                   sines = tensor<float>({3, 1}, {0, 1, 0});
  const TestTensor ids = tensor<int64_t>({1, 2}, {1, 2});
  EXPECT_EQ(
      run("RotaryEmbedding", {x, cosines, sines, ids}, DMT_F32, x.dims, {1, 0, 2}).values<float>(),
      (std::vector<float>{-2, 1, 3, 4, -5, -6, 7, 8}));
  std::vector<TestTensor> out{empty(DMT_F32, x.dims)};
  const TestTensor wrong = tensor<int64_t>({1, 2}, {1, 3});
  EXPECT_EQ(try_call("RotaryEmbedding", {x, cosines, sines, wrong}, out, {1, 0, 2}),
            DMT_INVALID_ARGUMENT);
  EXPECT_EQ(try_call("RotaryEmbedding", {x, cosines, sines, ids}, out, {1, 0, 6}),
            DMT_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace demitasse::testing
