#include <cmath>
#include <limits>

#include "ops/operator_call.h"
#include "ops/small_floats.h"

namespace demitasse::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class From, class To>
std::vector<To> cast(const std::vector<From>& x, int64_t saturate = 1) {
  const auto n = static_cast<int64_t>(x.size());
  return run("Cast", {tensor<From>({n}, x)}, dtype_of<To>(), {n}, {saturate}).template values<To>();
}

template <class From, class To>
void expect_small_integers_survive() {
  std::vector<From> x;
  for (int i = 0; i < 100; ++i) x.push_back(static_cast<From>(i));
  const std::vector<To> y = cast<From, To>(x);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(static_cast<double>(y[i]), i)
        << dtype_name(dtype_of<From>()) << " to " << dtype_name(dtype_of<To>());
  }
}

template <class From>
void expect_small_integers_survive_from() {
  expect_small_integers_survive<From, float>();
  expect_small_integers_survive<From, double>();
  expect_small_integers_survive<From, Float16>();
  expect_small_integers_survive<From, Bfloat16>();
  expect_small_integers_survive<From, int8_t>();
  expect_small_integers_survive<From, int16_t>();
  expect_small_integers_survive<From, int32_t>();
  expect_small_integers_survive<From, int64_t>();
  expect_small_integers_survive<From, uint8_t>();
  expect_small_integers_survive<From, uint16_t>();
  expect_small_integers_survive<From, uint32_t>();
  expect_small_integers_survive<From, uint64_t>();
}

TEST(Cast, BetweenAllPairsOfTypes) {
  expect_small_integers_survive_from<float>();
  expect_small_integers_survive_from<double>();
  expect_small_integers_survive_from<Float16>();
  expect_small_integers_survive_from<Bfloat16>();
  expect_small_integers_survive_from<int8_t>();
  expect_small_integers_survive_from<int16_t>();
  expect_small_integers_survive_from<int32_t>();
  expect_small_integers_survive_from<int64_t>();
  expect_small_integers_survive_from<uint8_t>();
  expect_small_integers_survive_from<uint16_t>();
  expect_small_integers_survive_from<uint32_t>();
  expect_small_integers_survive_from<uint64_t>();
}

TEST(Cast, FloatsToIntegersTruncateAndSaturate) {
  const std::vector<float> x = {1.9f, -1.9f, 1e30f, -1e30f, kInf, kNan};
  constexpr auto kMax = std::numeric_limits<int64_t>::max();
  constexpr auto kMin = std::numeric_limits<int64_t>::min();
  EXPECT_EQ((cast<float, int64_t>(x)), (std::vector<int64_t>{1, -1, kMax, kMin, kMax, 0}));
  EXPECT_EQ((cast<float, uint8_t>(x)), (std::vector<uint8_t>{1, 0, 255, 0, 255, 0}));
}

TEST(Cast, IntegersWrapAround) {
  EXPECT_EQ((cast<int32_t, uint8_t>({-1, 256, 257})), (std::vector<uint8_t>{255, 0, 1}));
  EXPECT_EQ((cast<uint64_t, double>({~uint64_t{0}})), (std::vector<double>{0x1p64}));
  EXPECT_EQ((cast<uint64_t, int64_t>({~uint64_t{0}})), (std::vector<int64_t>{-1}));
}

TEST(Cast, BoolIsNotZero) {
  const auto y = run("Cast", {tensor<float>({4}, {0, -0.0f, 0.25f, kNan})}, DMT_BOOL, {4}, {1});
  EXPECT_EQ(y.bytes, (std::vector<uint8_t>{0, 0, 1, 1}));
  EXPECT_EQ(run("Cast", {y}, DMT_F32, {4}, {1}).values<float>(), (std::vector<float>{0, 0, 1, 1}));
}

TEST(Cast, DoubleToHalfRoundsOnce) {
  // Just above the midpoint of 1 and the next float16: rounding to float first would lose that.
  const double above = 1 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ(static_cast<float>((cast<double, Float16>({above}))[0]), 1 + 0x1p-10f);
  EXPECT_EQ(static_cast<float>((cast<double, Float16>({-above}))[0]), -1 - 0x1p-10f);
  EXPECT_EQ(static_cast<float>((cast<double, Float16>({1 + 0x1p-11}))[0]), 1);
  EXPECT_EQ(static_cast<float>((cast<double, Float16>({1e300}))[0]), kInf);
  EXPECT_EQ(static_cast<float>((cast<double, Float16>({-1e-300}))[0]), 0);
  EXPECT_TRUE(std::isnan(static_cast<float>((cast<double, Bfloat16>({std::nan("")}))[0])));
}

TEST(Cast, PacksAndUnpacksIntegersOfLessThanAByte) {
  const TestTensor x = tensor<int32_t>({5}, {-8, 7, 0, -1, 3});
  const TestTensor s4 = run("Cast", {x}, DMT_S4, {5}, {1});
  EXPECT_EQ(s4.bytes[0], 0x78);
  EXPECT_EQ(s4.bytes[1], 0xf0);
  EXPECT_EQ(s4.bytes[2] & 15, 3);
  EXPECT_EQ(run("Cast", {s4}, DMT_S32, {5}, {1}).values<int32_t>(), x.values<int32_t>());
  const TestTensor u2 = run("Cast", {tensor<float>({4}, {0, 1, 2, 3})}, DMT_U2, {4}, {1});
  EXPECT_EQ(u2.bytes, (std::vector<uint8_t>{0b11100100}));
  EXPECT_EQ(run("Cast", {u2}, DMT_F32, {4}, {1}).values<float>(), (std::vector<float>{0, 1, 2, 3}));
}

TEST(SmallFloats, EveryCodeSurvivesDecodingAndEncoding) {
  for (const int32_t dtype :
       {DMT_F8E4M3FN, DMT_F8E4M3FNUZ, DMT_F8E5M2, DMT_F8E5M2FNUZ, DMT_F4E2M1}) {
    const SmallFloat& format = *small_float(dtype);
    for (int code = 0; code < 1 << format.bits; ++code) {
      const double value = decode(format, static_cast<uint8_t>(code));
      const int back = encode(format, value, false);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(decode(format, static_cast<uint8_t>(back))));
      } else {
        EXPECT_EQ(back, code) << dtype_name(dtype);
      }
    }
  }
}

TEST(SmallFloats, RoundToTheNearestHalfToEven) {
  for (const int32_t dtype :
       {DMT_F8E4M3FN, DMT_F8E4M3FNUZ, DMT_F8E5M2, DMT_F8E5M2FNUZ, DMT_F4E2M1}) {
    const SmallFloat& format = *small_float(dtype);
    for (int code = 0; code + 1 < 1 << (format.bits - 1); ++code) {
      const double low = decode(format, static_cast<uint8_t>(code));
      const double high = decode(format, static_cast<uint8_t>(code + 1));
      if (!std::isfinite(low) || !std::isfinite(high)) continue;
      const int even = code % 2 == 0 ? code : code + 1;
      EXPECT_EQ(encode(format, (low + high) / 2, true), even) << dtype_name(dtype);
      EXPECT_EQ(encode(format, low + (high - low) * 0.49, true), code) << dtype_name(dtype);
      EXPECT_EQ(encode(format, low + (high - low) * 0.51, true), code + 1) << dtype_name(dtype);
    }
  }
}

TEST(SmallFloats, OverflowFollowsTheAttribute) {
  const SmallFloat& e4m3 = *small_float(DMT_F8E4M3FN);
  EXPECT_EQ(decode(e4m3, encode(e4m3, 1e9, true)), 448);
  EXPECT_EQ(decode(e4m3, encode(e4m3, -kInf, true)), -448);
  EXPECT_TRUE(std::isnan(decode(e4m3, encode(e4m3, 1e9, false))));
  const SmallFloat& e5m2 = *small_float(DMT_F8E5M2);
  EXPECT_EQ(decode(e5m2, encode(e5m2, 1e9, true)), 57344);
  EXPECT_EQ(decode(e5m2, encode(e5m2, 1e9, false)), kInf);
  const SmallFloat& e2m1 = *small_float(DMT_F4E2M1);
  EXPECT_EQ(decode(e2m1, encode(e2m1, kInf, false)), 6);
}

TEST(Creation, RangeCountsInEveryType) {
  const auto scalar = [](auto value) { return tensor<decltype(value)>({}, {value}); };
  EXPECT_EQ(
      run("Range", {scalar(int64_t{5}), scalar(int64_t{0}), scalar(int64_t{-2})}, DMT_S64, {3})
          .values<int64_t>(),
      (std::vector<int64_t>{5, 3, 1}));
  const auto y = run("Range", {scalar(0.5f), scalar(2.0f), scalar(0.25f)}, DMT_F32, {6});
  EXPECT_EQ(y.values<float>()[5], 1.75f);
}

TEST(Creation, EyeLikeTakesAnyDiagonal) {
  EXPECT_EQ(run("EyeLike", {}, DMT_U8, {2, 3}, {1}).bytes,
            (std::vector<uint8_t>{0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(run("EyeLike", {}, DMT_U8, {2, 2}, {-1}).bytes, (std::vector<uint8_t>{0, 0, 1, 0}));
  EXPECT_EQ(run("EyeLike", {}, DMT_U8, {2, 2}, {std::numeric_limits<int64_t>::max()}).bytes,
            (std::vector<uint8_t>{0, 0, 0, 0}));
}

TEST(Creation, DropoutCopiesAndMasksNothing) {
  const TestTensor x = tensor<float>({3}, {1, 2, 3});
  std::vector<TestTensor> outputs{empty(DMT_F32, {3}), empty(DMT_BOOL, {3})};
  ASSERT_EQ(try_call("Dropout", {x}, outputs), DMT_OK);
  EXPECT_EQ(outputs[0].bytes, x.bytes);
  EXPECT_EQ(outputs[1].bytes, (std::vector<uint8_t>{1, 1, 1}));
}

}  // namespace
}  // namespace demitasse::testing
