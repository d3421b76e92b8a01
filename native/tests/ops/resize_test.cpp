#include <cmath>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

// Along the last of two axes; floats: cubic, outside, scales, begins, ends.
std::vector<float> resized(const std::vector<float>& x, int64_t out, std::vector<int64_t> integers,
                           double scale, double begin = 0, double end = 1, double outside = 0) {
  const std::vector<double> floats{-0.75, outside, 1, scale, 0, begin, 1, end};
  return run("Resize", {tensor<float>({1, static_cast<int64_t>(x.size())}, x)}, DMT_F32, {1, out},
             integers, floats)
      .values<float>();
}

TEST(Resize, NearestRoundsAsAsked) {
  const std::vector<float> x{1, 2, 3, 4};
  // half pixel, scale 1/2: coordinates 0.5 and 2.5
  EXPECT_EQ(resized(x, 2, {0, 0, 0, 0, 0}, 0.5), (std::vector<float>{1, 3}));
  EXPECT_EQ(resized(x, 2, {0, 0, 1, 0, 0}, 0.5), (std::vector<float>{2, 4}));
  EXPECT_EQ(resized(x, 2, {0, 0, 2, 0, 0}, 0.5), (std::vector<float>{1, 3}));
  EXPECT_EQ(resized(x, 2, {0, 0, 3, 0, 0}, 0.5), (std::vector<float>{2, 4}));
}

TEST(Resize, LinearBetweenAndAtTheEdges) {
  EXPECT_EQ(resized({0, 4}, 4, {1, 0, 0, 0, 0}, 2), (std::vector<float>{0, 1, 3, 4}));
  EXPECT_EQ(resized({0, 4}, 4, {1, 4, 0, 0, 0}, 2), (std::vector<float>{0, 2, 4, 4}));
  EXPECT_EQ(resized({0, 4}, 5, {1, 3, 0, 0, 0}, 2.5), (std::vector<float>{0, 1, 2, 3, 4}));
  // Antialiased, all of a constant keeps its value.
  EXPECT_EQ(resized({3, 3, 3, 3, 3, 3}, 2, {1, 0, 0, 0, 1}, 1.0 / 3), (std::vector<float>{3, 3}));
}

TEST(Resize, OutsideOfTheRegionIsTheGivenValue) {
  EXPECT_EQ(resized({0, 1, 2, 3}, 3, {1, 6, 0, 0, 0}, 1, -1.0 / 3, 1, 9),
            (std::vector<float>{9, 1, 3}));
}

TEST(Resize, TwoAxesInEitherOrderOfWork) {
  const TestTensor x = tensor<float>({2, 4}, {0, 2, 4, 6, 8, 10, 12, 14});
  // Rows grow, columns shrink: the columns go first.
  const std::vector<double> floats{-0.75, 0, 2, 0.5, 0, 0, 1, 1};
  EXPECT_EQ(run("Resize", {x}, DMT_F32, {4, 2}, {1, 0, 0, 0, 0}, floats).values<float>(),
            (std::vector<float>{1, 5, 3, 7, 7, 11, 9, 13}));
  const std::vector<double> turned{-0.75, 0, 0.5, 2, 0, 0, 1, 1};
  const TestTensor bytes = tensor<uint8_t>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(run("Resize", {bytes}, DMT_U8, {1, 4}, {0, 4, 2, 0, 0}, turned).values<uint8_t>(),
            (std::vector<uint8_t>{1, 1, 2, 2}));
}

// Height and width of [N, H, W, C] at once, and one after the other.
template <class T>
void grow_both(int64_t channels, double factor, int64_t coordinates, int64_t rounding) {
  const int64_t height = 7, width = 5;
  const auto oh = static_cast<int64_t>(factor * height), ow = static_cast<int64_t>(factor * width);
  std::vector<T> values;
  for (int64_t i = 0; i < 2 * height * width * channels; ++i) {
    values.push_back(static_cast<T>(i * 7919 % 251));
  }
  const std::vector<int64_t> integers{0, coordinates, rounding, 0, 0};
  const auto floats = [](double h, double w) {
    return std::vector<double>{-0.75, 0, 1, h, w, 1, 0, 0, 0, 0, 1, 1, 1, 1};
  };
  const int32_t type = dtype_of<T>();
  const auto x = tensor<T>({2, height, width, channels}, values);
  const auto lines =
      run("Resize", {x}, type, {2, oh, width, channels}, integers, floats(factor, 1));
  const auto expected =
      run("Resize", {lines}, type, {2, oh, ow, channels}, integers, floats(1, factor));
  for (int32_t threads : {1, 3}) {
    EXPECT_EQ(
        run("Resize", {x}, type, {2, oh, ow, channels}, integers, floats(factor, factor), threads)
            .bytes,
        expected.bytes);
  }
}

TEST(Resize, HeightAndWidthAtOnce) {
  for (int64_t channels : {1, 3, 24, 65}) {
    for (double factor : {2.0, 8.0, 1.7, 1.2}) {
      for (int64_t coordinates : {0, 1, 2, 3, 4}) {
        grow_both<float>(channels, factor, coordinates, coordinates % 4);
        grow_both<uint8_t>(channels, factor, coordinates, (coordinates + 2) % 4);
      }
    }
  }
}

TEST(Resize, RejectsScalesThatAreNone) {
  const TestTensor x = tensor<float>({2}, {1, 2});
  std::vector<TestTensor> outputs{empty(DMT_F32, {4})};
  for (const double scale : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    EXPECT_EQ(try_call("Resize", {x}, outputs, {1, 0, 0, 0, 0}, {0, 0, scale, 0, 1}),
              DMT_INVALID_ARGUMENT);
  }
  std::vector<TestTensor> one{empty(DMT_F32, {1})};
  EXPECT_EQ(try_call("Resize", {x}, one, {1, 0, 0, 0, 1}, {0, 0, 1e-300, 0, 1}), DMT_OK);
}

}  // namespace
}  // namespace demitasse::testing
