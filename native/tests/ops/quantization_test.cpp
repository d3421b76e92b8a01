#include <cmath>
#include <limits>
#include <random>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(QuantizeLinear, RoundsHalfToEvenAndSaturates) {
  const TestTensor x = tensor<float>({7}, {0, 1, 3, 5, -1000, 1000, kInf});
  const TestTensor scale = tensor<float>({}, {2});
  EXPECT_EQ(run("QuantizeLinear", {x, scale, tensor<uint8_t>({}, {128})}, DMT_U8, {7}, {1, 0, 1})
                .values<uint8_t>(),
            (std::vector<uint8_t>{128, 128, 130, 130, 0, 255, 255}));
  EXPECT_EQ(run("QuantizeLinear", {x, scale, tensor<int8_t>({}, {1})}, DMT_S8, {7}, {1, 0, 1})
                .values<int8_t>(),
            (std::vector<int8_t>{1, 1, 3, 3, -128, 127, 127}));
  EXPECT_EQ(run("QuantizeLinear", {x, scale}, DMT_U16, {7}, {1, 0, 1}).values<uint16_t>(),
            (std::vector<uint16_t>{0, 0, 2, 2, 0, 500, 65535}));
}

TEST(QuantizeLinear, PerAxisOnEveryAxis) {
  const TestTensor x = tensor<float>({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  for (int64_t axis = 0; axis < 3; ++axis) {
    const int64_t size = x.dims[static_cast<size_t>(axis)];
    std::vector<float> scales;
    std::vector<int8_t> zero_points;
    for (int64_t i = 0; i < size; ++i) {
      scales.push_back(static_cast<float>(i + 1));
      zero_points.push_back(static_cast<int8_t>(10 * i));
    }
    const TestTensor scale = tensor<float>({size}, scales);
    const TestTensor zero_point = tensor<int8_t>({size}, zero_points);
    const auto codes =
        run("QuantizeLinear", {x, scale, zero_point}, DMT_S8, {2, 3, 2}, {axis - 3, 0, 1});
    const auto back =
        run("DequantizeLinear", {codes, scale, zero_point}, DMT_F32, {2, 3, 2}, {axis, 0})
            .values<float>();
    for (int64_t i = 0; i < 12; ++i) {
      const int64_t at = axis == 0 ? i / 6 : axis == 1 ? i / 2 % 3 : i % 2;
      const float s = scales[static_cast<size_t>(at)];
      EXPECT_EQ(codes.values<int8_t>()[i], std::nearbyint(static_cast<float>(i) / s) + 10 * at);
      EXPECT_EQ(back[i], std::nearbyint(static_cast<float>(i) / s) * s);
    }
  }
}

TEST(QuantizeLinear, BlocksMayEndRagged) {
  const TestTensor x = tensor<float>({2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const TestTensor scale = tensor<float>({2, 3}, {1, 0.5f, 0.25f, 2, 1, 0.5f});
  const auto y = run("QuantizeLinear", {x, scale}, DMT_S8, {2, 5}, {1, 2, 1});
  EXPECT_EQ(y.values<int8_t>(), (std::vector<int8_t>{1, 2, 6, 8, 20, 3, 4, 8, 9, 20}));
  EXPECT_EQ(run("DequantizeLinear", {y, scale}, DMT_F32, {2, 5}, {1, 2}).values<float>(),
            (std::vector<float>{1, 2, 3, 4, 5, 6, 8, 8, 9, 10}));
}

TEST(QuantizeLinear, FourBitCodesOfAnOddCount) {
  std::vector<float> values;
  for (int i = 0; i < 10001; ++i) values.push_back(static_cast<float>(i % 20 - 10));
  const TestTensor x = tensor<float>({10001}, values);
  const auto codes = run("QuantizeLinear", {x, tensor<float>({}, {1})}, DMT_S4, {10001}, {0, 0, 1});
  const auto back =
      run("DequantizeLinear", {codes, tensor<float>({}, {1})}, DMT_F32, {10001}, {0, 0})
          .values<float>();
  for (size_t i = 0; i < back.size(); ++i) {
    ASSERT_EQ(back[i], std::min(7.0f, std::max(-8.0f, values[i])));
  }
}

TEST(QuantizeLinear, DequantizesInt32AndHalfScales) {
  const TestTensor x = tensor<int32_t>({2}, {-2000000, 5});
  EXPECT_EQ(
      run("DequantizeLinear", {x, tensor<float>({}, {0.5f})}, DMT_F32, {2}, {0, 0}).values<float>(),
      (std::vector<float>{-1000000, 2.5f}));
  const auto y = run("DequantizeLinear",
                     {tensor<uint8_t>({2}, {3, 5}), tensor<Float16>({}, {Float16(0.5f)}),
                      tensor<uint8_t>({}, {1})},
                     DMT_F16, {2}, {0, 0})
                     .values<Float16>();
  EXPECT_EQ(static_cast<float>(y[0]), 1);
  EXPECT_EQ(static_cast<float>(y[1]), 2);
}

TEST(QuantizeLinear, DynamicCodesGiveBackTheValues) {
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{7}, {}, {3, 5}, {70, 129}}) {
    int64_t count = 1;
    for (const int64_t size : dims) count *= size;
    std::mt19937 generator(3);
    std::uniform_real_distribution<float> distribution(-3, 9);
    std::vector<float> x(static_cast<size_t>(count));
    for (float& value : x) value = distribution(generator);
    std::vector<TestTensor> outputs{empty(DMT_U8, dims), empty(DMT_F32, {}), empty(DMT_U8, {})};
    ASSERT_EQ(try_call("DynamicQuantizeLinear", {tensor<float>(dims, x)}, outputs), DMT_OK);
    const float scale = outputs[1].values<float>()[0];
    const int zero_point = outputs[2].bytes[0];
    for (size_t i = 0; i < x.size(); ++i) {
      const float back = scale * static_cast<float>(outputs[0].bytes[i] - zero_point);
      EXPECT_NEAR(back, x[i], scale / 2 * 1.0001f);
    }
  }
}

TEST(QuantizeLinear, ParametersThatDoNotFitAreRefused) {
  const TestTensor x = tensor<float>({2, 3}, std::vector<float>(6));
  std::vector<TestTensor> y{empty(DMT_U8, {2, 3})};
  EXPECT_EQ(try_call("QuantizeLinear", {x, tensor<float>({2}, {1, 1})}, y, {1, 0, 1}),
            DMT_INVALID_ARGUMENT);
  EXPECT_EQ(try_call("QuantizeLinear", {x, tensor<float>({3}, {1, 1, 1})}, y, {2, 0, 1}),
            DMT_INVALID_ARGUMENT);
  EXPECT_EQ(try_call("QuantizeLinear", {x, tensor<float>({2, 2}, {1, 1, 1, 1})}, y, {1, 1, 1}),
            DMT_INVALID_ARGUMENT);
  EXPECT_EQ(
      try_call("QuantizeLinear", {x, tensor<float>({3}, {1, 1, 1}), tensor<uint8_t>({2}, {0, 0})},
               y, {1, 0, 1}),
      DMT_INVALID_ARGUMENT);
  EXPECT_EQ(try_call("QuantizeLinear", {x, tensor<float>({2, 2}, {1, 1, 1, 1})}, y, {1, -2, 1}),
            DMT_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace demitasse::testing
