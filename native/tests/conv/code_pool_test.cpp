// Pooling of codes: every level gives the formula's result to the bit.
#include <algorithm>
#include <string>

#include "conv/convolution_kernels.h"
#include "conv/finish.h"
#include "gemm/linear_cases.h"
#include "ops/operator_call.h"
#include "quantize/parameters.h"

namespace demitasse::testing {
namespace {

std::vector<uint8_t> random_codes(int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<uint8_t> codes(count);
  for (uint8_t& code : codes) {
    code = static_cast<uint8_t>(random.integer(0, 9) == 0 ? 255 : random.integer(0, 255));
  }
  return codes;
}

class CodePool : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, CodePool, ::testing::ValuesIn(vector_levels()), level_name);

TEST_P(CodePool, anyNumberOfChannelsAndTaps) {
  constexpr QuantizationParameters kTo{0.031f, 77};
  for (int64_t channels = 1; channels <= 200; ++channels) {
    CodePoolCall call;
    call.channels = channels;
    call.rows = channels % 4;
    call.columns = channels % 5;
    call.column_stride = channels * 2;
    call.row_stride = call.column_stride * 7;
    call.zero_sum = static_cast<float>(call.rows * call.columns * 113);
    call.scale = 0.07f / static_cast<float>(std::max<int64_t>(1, call.rows * call.columns));
    const int64_t last =
        (call.rows - 1) * call.row_stride + (call.columns - 1) * call.column_stride + channels;
    const std::vector<uint8_t> x = random_codes(std::max<int64_t>(channels, last), channels);
    std::vector<uint8_t> largest(channels), mean_codes;
    std::vector<float> means;
    for (int64_t c = 0; c < channels; ++c) {
      int64_t sum = 0;
      for (int64_t i = 0; i < call.rows; ++i) {
        for (int64_t j = 0; j < call.columns; ++j) {
          const uint8_t code = x[i * call.row_stride + j * call.column_stride + c];
          largest[c] = std::max(largest[c], code);
          sum += code;
        }
      }
      means.push_back((static_cast<float>(sum) - call.zero_sum) * call.scale);
      mean_codes.push_back(requantize(means.back(), kTo));
    }
    call.x = x.data();
    Guarded<uint8_t> codes(1, channels, channels);
    call.codes = codes.data();
    call.maximum = true;
    const auto kernel = convolution_kernels(GetParam()).code_pool;
    kernel(call);
    EXPECT_TRUE(std::equal(largest.begin(), largest.end(), codes.data())) << channels;
    call.maximum = false;
    call.inverse_scale = 1 / kTo.scale;
    call.zero_point = kTo.zero_point;
    kernel(call);
    EXPECT_TRUE(std::equal(mean_codes.begin(), mean_codes.end(), codes.data())) << channels;
    Guarded<float> floats(1, channels, channels);
    call.codes = nullptr;
    call.to = floats.data();
    kernel(call);
    EXPECT_TRUE(std::equal(means.begin(), means.end(), floats.data())) << channels;
    EXPECT_TRUE(codes.intact() && floats.intact()) << channels;
  }
}

// [N, C, H, W] to [N, H, W, C], or back.
std::vector<uint8_t> moved(const std::vector<uint8_t>& values, int64_t n, int64_t a, int64_t b) {
  std::vector<uint8_t> result;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < b; ++k) {
      for (int64_t j = 0; j < a; ++j) result.push_back(values[(i * a + j) * b + k]);
    }
  }
  return result;
}

constexpr int64_t kHeight = 7, kWidth = 9;

// Kernel, strides, dilations, padding in front and behind.
const std::vector<std::vector<int64_t>> kWindows{
    {2, 2, 2, 2, 1, 1, 0, 0, 0, 0}, {3, 2, 1, 3, 2, 1, 1, 1, 1, 0}, {9, 9, 1, 1, 1, 1, 4, 4, 4, 4},
    {2, 3, 4, 3, 1, 2, 0, 2, 2, 2}, {1, 1, 1, 1, 1, 1, 2, 2, 2, 2}, {7, 9, 1, 1, 1, 1, 0, 0, 0, 0}};

int64_t outputs(const std::vector<int64_t>& window, int axis, int64_t in) {
  return (in + window[6 + axis] + window[8 + axis] - (window[axis] - 1) * window[4 + axis] - 1) /
             window[2 + axis] +
         1;
}

TEST(CodePooling, largestCodesAreThoseOfTheGeneralOperator) {
  for (int64_t channels : {1, 7, 8, 24, 33, 70, 130}) {
    const std::vector<uint8_t> x = random_codes(2 * channels * kHeight * kWidth, 4);
    const auto first = tensor<uint8_t>({2, channels, kHeight, kWidth}, x);
    const auto last =
        tensor<uint8_t>({2, kHeight, kWidth, channels}, moved(x, 2, channels, kHeight * kWidth));
    for (const std::vector<int64_t>& window : kWindows) {
      const int64_t oh = outputs(window, 0, kHeight), ow = outputs(window, 1, kWidth);
      std::vector<int64_t> integers{0};
      integers.insert(integers.end(), window.begin(), window.end());
      const auto expected =
          moved(run("MaxPool", {first}, DMT_U8, {2, channels, oh, ow}, integers).values<uint8_t>(),
                2, channels, oh * ow);
      for (int32_t threads : {1, 3}) {
        EXPECT_EQ(run("ChannelsLast.MaxPool", {last}, DMT_U8, {2, oh, ow, channels}, integers, {},
                      threads)
                      .values<uint8_t>(),
                  expected);
      }
    }
  }
}

TEST(CodePooling, meansAreThoseOfTheNumbersThatCodesStandFor) {
  constexpr float kScale = 0.043f;
  constexpr int64_t kZero = 119;
  constexpr QuantizationParameters kTo{0.02f, 99};
  for (int64_t channels : {1, 8, 24, 33, 70, 130}) {
    const auto codes = random_codes(2 * channels * kHeight * kWidth, 6);
    const auto x = tensor<uint8_t>({2, kHeight, kWidth, channels}, codes);
    std::vector<float> numbers;
    for (const uint8_t code : codes) {
      numbers.push_back(kScale * static_cast<float>(code - kZero));
    }
    const auto same = tensor<float>({2, kHeight, kWidth, channels}, numbers);
    for (const std::vector<int64_t>& window : kWindows) {
      const std::vector<int64_t> dims{2, outputs(window, 0, kHeight), outputs(window, 1, kWidth),
                                      channels};
      for (int64_t padding : {0, 1}) {
        std::vector<int64_t> integers{padding};
        integers.insert(integers.end(), window.begin(), window.end());
        const auto expected =
            run("ChannelsLast.AveragePool", {same}, DMT_F32, dims, integers).values<float>();
        integers.push_back(kZero);
        const auto means =
            run("ChannelsLast.AveragePool", {x}, DMT_F32, dims, integers, {kScale}).values<float>();
        integers.push_back(kTo.zero_point);
        std::vector<uint8_t> rounded;
        for (size_t i = 0; i < means.size(); ++i) {
          ASSERT_NEAR(means[i], expected[i], 1e-5);
          rounded.push_back(requantize(means[i], kTo));
        }
        for (int32_t threads : {1, 3}) {
          EXPECT_EQ(run("ChannelsLast.AveragePool", {x}, DMT_U8, dims, integers,
                        {kScale, kTo.scale}, threads)
                        .values<uint8_t>(),
                    rounded);
        }
      }
    }
  }
}

TEST(CodePooling, whatDoesNotFitIsRefused) {
  const std::vector<int64_t> window{0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
  const auto status = [&](const TestTensor& x, const char* name, int32_t type,
                          std::vector<int64_t> more, const std::vector<double>& floats) {
    std::vector<int64_t> integers = window;
    integers.insert(integers.end(), more.begin(), more.end());
    std::vector<TestTensor> y{empty(type, x.dims)};
    return try_call(name, {x}, y, integers, floats);
  };
  const auto x = tensor<uint8_t>({1, 1, 1, 2}, {3, 4});
  EXPECT_EQ(status(x, "ChannelsLast.MaxPool", DMT_U8, {}, {}), DMT_OK);
  EXPECT_EQ(status(x, "ChannelsLast.MaxPool", DMT_F32, {}, {}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(x, "ChannelsLast.AveragePool", DMT_F32, {3}, {0.5}), DMT_OK);
  EXPECT_EQ(status(x, "ChannelsLast.AveragePool", DMT_F32, {}, {}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(x, "ChannelsLast.AveragePool", DMT_U8, {3}, {0.5}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(x, "ChannelsLast.AveragePool", DMT_F32, {256}, {0.5}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(x, "ChannelsLast.AveragePool", DMT_U8, {3, 3}, {0.5, 0}), DMT_INVALID_ARGUMENT);
  // More codes than floats add exactly.
  const int64_t side = 257;
  const auto large = tensor<uint8_t>({1, side, side, 1}, std::vector<uint8_t>(side * side, 255));
  std::vector<TestTensor> y{empty(DMT_F32, {1, 1, 1, 1})};
  EXPECT_EQ(try_call("ChannelsLast.AveragePool", {large}, y,
                     {0, side, side, 1, 1, 1, 1, 0, 0, 0, 0, 3}, {0.5}),
            DMT_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace demitasse::testing
