#include <cmath>
#include <limits>

#include "ops/operator_call.h"
#include "quantize/parameters.h"

namespace demitasse::testing {
namespace {

TEST(Pooling, MaximaOfOverlappingDilatedWindows) {
  const TestTensor x = tensor<float>({1, 1, 1, 7}, {1, 7, 3, -4, 5, 9, 2});
  std::vector<TestTensor> outputs{empty(DMT_F32, {1, 1, 1, 4}), empty(DMT_S64, {1, 1, 1, 4})};
  // kernel 1 x 3, stride 2, dilation 2, padding 1 in front and 2 behind
  ASSERT_EQ(try_call("MaxPool", {x}, outputs, {0, 1, 3, 1, 2, 1, 2, 0, 1, 0, 2}), DMT_OK)
      << dmt_last_error();
  EXPECT_EQ(outputs[0].values<float>(), (std::vector<float>{7, 9, 9, 9}));
  EXPECT_EQ(outputs[1].values<int64_t>(), (std::vector<int64_t>{1, 5, 5, 5}));
}

TEST(Pooling, IndicesCountColumnsFirstWhereAsked) {
  const TestTensor x = tensor<float>({1, 2, 2, 3}, {1, 2, 3, 4, 5, 9, 8, 2, 3, 4, 5, 6});
  std::vector<TestTensor> outputs{empty(DMT_F32, {1, 2, 1, 1}), empty(DMT_S64, {1, 2, 1, 1})};
  ASSERT_EQ(try_call("MaxPool", {x}, outputs, {1, 2, 3, 1, 1, 1, 1, 0, 0, 0, 0}), DMT_OK);
  EXPECT_EQ(outputs[1].values<int64_t>(), (std::vector<int64_t>{5, 6}));
}

TEST(Pooling, MeansCountPaddingOnlyWhereAskedAndNeverBehindIt) {
  const TestTensor x = tensor<float>({1, 1, 5}, {2, 4, 6, 8, 10});
  // kernel 3, stride 2, padding 1 in front; the last window of three reaches one behind x
  const std::vector<int64_t> window{3, 2, 1, 1, 0};
  const auto call = [&](int64_t count) {
    std::vector<int64_t> integers{count};
    integers.insert(integers.end(), window.begin(), window.end());
    return run("AveragePool", {x}, DMT_F32, {1, 1, 3}, integers).values<float>();
  };
  EXPECT_EQ(call(0), (std::vector<float>{3, 6, 9}));
  EXPECT_EQ(call(1), (std::vector<float>{2, 6, 9}));
}

TEST(Pooling, WholeChannelsOfAnyRank) {
  const TestTensor x = tensor<float>({1, 2, 2, 1, 2}, {3, -4, 0, 0, 1, 2, 2, 4});
  const std::vector<int64_t> dims{1, 2, 1, 1, 1};
  EXPECT_EQ(run("GlobalAveragePool", {x}, DMT_F32, dims).values<float>(),
            (std::vector<float>{-0.25f, 2.25f}));
  EXPECT_EQ(run("GlobalMaxPool", {x}, DMT_F32, dims).values<float>(), (std::vector<float>{3, 4}));
  EXPECT_EQ(run("GlobalLpPool", {x}, DMT_F32, dims, {2}).values<float>(),
            (std::vector<float>{5, 5}));
  EXPECT_EQ(run("GlobalLpPool", {x}, DMT_F32, dims, {1}).values<float>(),
            (std::vector<float>{7, 9}));
}

TEST(Pooling, WindowsLargerThanMemoryAreBoundedByTheInput) {
  const TestTensor x = tensor<float>({1, 1, 2}, {1, 3});
  const int64_t huge = INT32_MAX;
  EXPECT_EQ(
      run("AveragePool", {x}, DMT_F32, {1, 1, 1}, {0, huge, 1, 1, huge - 2, 0}).values<float>(),
      (std::vector<float>{2}));
  EXPECT_EQ(
      run("MaxPool", {x}, DMT_F32, {1, 1, 1}, {0, huge, huge, 1, huge - 2, 0}).values<float>(),
      (std::vector<float>{3}));
}

// [N, C, H, W] to [N, H, W, C], or back.
std::vector<float> moved(const std::vector<float>& values, int64_t n, int64_t a, int64_t b) {
  std::vector<float> result;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < b; ++k) {
      for (int64_t j = 0; j < a; ++j) result.push_back(values[(i * a + j) * b + k]);
    }
  }
  return result;
}

std::vector<float> patterned(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i * 7919 % 1009) - 500);
  return values;
}

TEST(Pooling, ChannelsLastGivesWhatChannelsFirstDoes) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int64_t channels : {1, 5, 8, 16, 23, 40}) {
    const int64_t height = 7, width = 9;
    std::vector<float> values = patterned(2 * channels * height * width);
    values[3] = nan;
    const TestTensor first = tensor<float>({2, channels, height, width}, values);
    const TestTensor last =
        tensor<float>({2, height, width, channels}, moved(values, 2, channels, height * width));
    // kernel, strides, dilations, padding in front and behind
    for (const std::vector<int64_t>& window :
         std::vector<std::vector<int64_t>>{{2, 2, 2, 2, 1, 1, 0, 0, 0, 0},
                                           {3, 2, 1, 3, 2, 1, 1, 1, 1, 0},
                                           {9, 9, 1, 1, 1, 1, 4, 4, 4, 4},
                                           {2, 3, 4, 3, 1, 2, 0, 2, 2, 2}}) {
      const auto size = [&](int axis, int64_t in) {
        return (in + window[6 + axis] + window[8 + axis] - (window[axis] - 1) * window[4 + axis] -
                1) /
                   window[2 + axis] +
               1;
      };
      const int64_t oh = size(0, height), ow = size(1, width);
      for (const char* name : {"MaxPool", "AveragePool"}) {
        for (int64_t flag : {0, 1}) {
          std::vector<int64_t> integers{flag};
          integers.insert(integers.end(), window.begin(), window.end());
          const std::vector<float> expected =
              moved(run(name, {first}, DMT_F32, {2, channels, oh, ow}, integers).values<float>(), 2,
                    channels, oh * ow);
          const std::vector<float> actual = run(std::string("ChannelsLast.") + name, {last},
                                                DMT_F32, {2, oh, ow, channels}, integers)
                                                .values<float>();
          ASSERT_EQ(actual.size(), expected.size());
          for (size_t i = 0; i < expected.size(); ++i) {
            if (std::isnan(expected[i])) {
              ASSERT_TRUE(std::isnan(actual[i])) << name << " " << i;
            } else {
              ASSERT_NEAR(actual[i], expected[i], 1e-4 * std::abs(expected[i]) + 1e-3) << name;
            }
          }
        }
      }
    }
  }
}

TEST(Pooling, ImagesBecomeCodesWithTheirChannelsLast) {
  for (int64_t channels : {1, 2, 3, 4, 5, 70}) {
    for (int64_t positions : {1, 17, 1024, 3001}) {
      const std::vector<float> x = patterned(2 * positions * channels);
      std::vector<uint8_t> codes;
      for (int64_t i = 0; i < 2 * positions * channels; ++i) {
        const int64_t image = i / (positions * channels), pixel = i / channels % positions;
        codes.push_back(
            quantize(x[(image * channels + i % channels) * positions + pixel], {1.7f, 117}));
      }
      ASSERT_EQ(run("ChannelsLast.QuantizeImage", {tensor<float>({2, channels, 1, positions}, x)},
                    DMT_U8, {2, 1, positions, channels}, {117}, {1.7})
                    .values<uint8_t>(),
                codes);
    }
  }
  std::vector<TestTensor> y{empty(DMT_U8, {1, 2, 4, 3})};
  const TestTensor x = tensor<float>({1, 2, 4, 3}, patterned(24));
  EXPECT_EQ(try_call("ChannelsLast.QuantizeImage", {x}, y, {117}, {1.7}), DMT_INVALID_ARGUMENT);
}

TEST(Pooling, GatesAreOneNumberPerChannel) {
  for (int64_t channels : {1, 3, 8, 16, 24, 40, 1031}) {
    for (int64_t positions : {1, 2, 67, 700}) {
      const std::vector<float> x = patterned(2 * positions * channels);
      std::vector<float> gates = patterned(2 * channels);
      for (float& g : gates) g = g * 0.001f + 0.3f;
      const auto view = tensor<float>({2, 1, positions, channels}, x);
      const auto gate = tensor<float>({2, 1, 1, channels}, gates);
      const std::vector<int64_t>& dims = view.dims;
      for (int64_t added : {0, 1}) {
        std::vector<float> product(x.size());
        std::vector<uint8_t> codes;
        for (size_t i = 0; i < x.size(); ++i) {
          product[i] = x[i] * gates[static_cast<int64_t>(i) / (positions * channels) * channels +
                                    static_cast<int64_t>(i) % channels];
          if (added != 0) product[i] += x[i];
          codes.push_back(requantize(product[i], {1.7f, 117}));
        }
        ASSERT_EQ(run("ChannelsLast.Gate", {view, gate}, DMT_F32, dims, {added}).values<float>(),
                  product);
        ASSERT_EQ(run("ChannelsLast.Gate", {view, gate}, DMT_U8, dims, {added, 117}, {1.7})
                      .values<uint8_t>(),
                  codes);
      }
    }
  }
  std::vector<TestTensor> y{empty(DMT_F32, {1, 2, 4})};
  EXPECT_EQ(try_call("ChannelsLast.Gate",
                     {tensor<float>({1, 2, 4}, patterned(8)), tensor<float>({1, 1, 3}, {1, 2, 3})},
                     y, {0}),
            DMT_INVALID_ARGUMENT);
}

TEST(Pooling, SumsBecomeCodes) {
  for (int64_t count : {1, 15, 1024, 1039, 50'003}) {
    const std::vector<float> a = patterned(count);
    std::vector<float> b(a.rbegin(), a.rend());
    b[0] = std::numeric_limits<float>::quiet_NaN();
    std::vector<uint8_t> codes;
    for (int64_t i = 0; i < count; ++i) codes.push_back(requantize(a[i] + b[i], {2.3f, 117}));
    const auto left = tensor<float>({count}, a), right = tensor<float>({count}, b);
    for (int32_t threads : {1, 3}) {
      ASSERT_EQ(run("ChannelsLast.Add", {left, right}, DMT_U8, {count}, {117}, {2.3}, threads)
                    .values<uint8_t>(),
                codes);
    }
  }
  std::vector<TestTensor> y{empty(DMT_U8, {2})};
  EXPECT_EQ(try_call("ChannelsLast.Add", {tensor<float>({2}, {1, 2}), tensor<float>({1}, {1})}, y,
                     {0}, {1}),
            DMT_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace demitasse::testing
