#include <cmath>
#include <limits>
#include <random>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

using Dims = std::vector<int64_t>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Dims broadcast(const Dims& a, const Dims& b) {
  Dims result(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t from_a = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t from_b = i < b.size() ? b[b.size() - 1 - i] : 1;
    result[result.size() - 1 - i] = from_a == 1 ? from_b : from_a;
  }
  return result;
}

// The element of a tensor of `dims` that is broadcast to element `index` of a tensor of `to`.
int64_t source(const Dims& dims, const Dims& to, int64_t index) {
  int64_t offset = 0, step = 1;
  for (size_t i = 0; i < to.size(); ++i) {
    const int64_t size = to[to.size() - 1 - i];
    const int64_t own = i < dims.size() ? dims[dims.size() - 1 - i] : 1;
    if (own != 1) offset += index % size * step;
    step *= own;
    index /= size;
  }
  return offset;
}

int64_t count(const Dims& dims) {
  int64_t result = 1;
  for (const int64_t size : dims) result *= size;
  return result;
}

std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-4, 4);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(generator);
  return values;
}

const std::vector<std::pair<Dims, Dims>>& shapes() {
  static const std::vector<std::pair<Dims, Dims>> all = {
      {{}, {}},
      {{7}, {}},
      {{}, {7}},
      {{5, 7}, {7}},
      {{5, 7}, {5, 1}},
      {{5, 1}, {1, 7}},
      {{2, 3, 4}, {3, 1}},
      {{1, 3, 1, 5}, {2, 1, 4, 1}},
      {{3, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 3}},
      {{4, 1, 5}, {4, 3, 5}},
      {{129, 257}, {257}},
      {{129, 257}, {129, 1}},
      {{300, 1}, {1, 301}},
      {{100003}, {100003}},
  };
  return all;
}

template <class T>
void expect_sub_and_max(double tolerance) {
  for (const auto& [a_dims, b_dims] : shapes()) {
    const Dims y_dims = broadcast(a_dims, b_dims);
    std::vector<T> a, b;
    for (const float value : numbers(count(a_dims), 1)) a.push_back(static_cast<T>(value));
    for (const float value : numbers(count(b_dims), 2)) b.push_back(static_cast<T>(value));
    const std::vector<TestTensor> inputs = {tensor<T>(a_dims, a), tensor<T>(b_dims, b)};
    const auto sub = run("Sub", inputs, dtype_of<T>(), y_dims).template values<T>();
    const auto max = run("Max", inputs, dtype_of<T>(), y_dims).template values<T>();
    for (int64_t i = 0; i < count(y_dims); ++i) {
      const auto left = static_cast<double>(a[source(a_dims, y_dims, i)]);
      const auto right = static_cast<double>(b[source(b_dims, y_dims, i)]);
      ASSERT_NEAR(static_cast<double>(sub[i]), left - right, tolerance);
      ASSERT_EQ(static_cast<double>(max[i]), std::max(left, right));
    }
  }
}

TEST(Arithmetic, BroadcastsInEveryType) {
  expect_sub_and_max<float>(1e-6);
  expect_sub_and_max<double>(1e-12);
  expect_sub_and_max<Float16>(4e-3);
  expect_sub_and_max<Bfloat16>(3.2e-2);
  expect_sub_and_max<int8_t>(0);
  expect_sub_and_max<int64_t>(0);
}

TEST(Arithmetic, IntegersWrapAroundAndNeverTrap) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  const TestTensor a = tensor<int32_t>({6}, {kMax, kMin, 7, -7, kMin, kMax});
  const TestTensor b = tensor<int32_t>({6}, {1, -1, 0, 2, 0, kMax});
  const auto call = [&](const char* name, std::vector<int64_t> integers = {}) {
    return run(name, {a, b}, DMT_S32, {6}, integers).values<int32_t>();
  };
  EXPECT_EQ(call("Add"), (std::vector<int32_t>{kMin, kMax, 7, -5, kMin, -2}));
  EXPECT_EQ(call("Sub"), (std::vector<int32_t>{kMax - 1, kMin + 1, 7, -9, kMin, 0}));
  EXPECT_EQ(call("Mul"), (std::vector<int32_t>{kMax, kMin, 0, -14, 0, 1}));
  EXPECT_EQ(call("Div"), (std::vector<int32_t>{kMax, kMin, 0, -3, 0, 1}));
  EXPECT_EQ(call("Mod", {0}), (std::vector<int32_t>{0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(call("Mod", {1}), (std::vector<int32_t>{0, 0, 0, -1, 0, 0}));
}

TEST(Arithmetic, ShortIntegersWrapAroundWithoutOverflowOfInt) {
  const TestTensor a = tensor<uint16_t>({2}, {65535, 40000});
  EXPECT_EQ(run("Mul", {a, a}, DMT_U16, {2}).values<uint16_t>(),
            (std::vector<uint16_t>{1, static_cast<uint16_t>(40000u * 40000u)}));
}

TEST(Arithmetic, ModOfFloats) {
  const TestTensor a = tensor<float>({4}, {5.5f, -5.5f, 5.5f, -5.5f});
  const TestTensor b = tensor<float>({4}, {3, 3, -3, -3});
  EXPECT_EQ(run("Mod", {a, b}, DMT_F32, {4}, {1}).values<float>(),
            (std::vector<float>{2.5f, -2.5f, 2.5f, -2.5f}));
  EXPECT_EQ(run("Mod", {a, b}, DMT_F32, {4}, {0}).values<float>(),
            (std::vector<float>{2.5f, 0.5f, -0.5f, -2.5f}));
}

TEST(Arithmetic, ShiftsByTheWidthAndMoreGiveZero) {
  const TestTensor a = tensor<uint8_t>({4}, {255, 255, 255, 255});
  const TestTensor b = tensor<uint8_t>({4}, {0, 3, 8, 200});
  EXPECT_EQ(run("BitShift", {a, b}, DMT_U8, {4}, {1}).values<uint8_t>(),
            (std::vector<uint8_t>{255, 248, 0, 0}));
  EXPECT_EQ(run("BitShift", {a, b}, DMT_U8, {4}, {0}).values<uint8_t>(),
            (std::vector<uint8_t>{255, 31, 0, 0}));
}

TEST(Arithmetic, PowersOfIntegers) {
  const TestTensor x = tensor<int64_t>({7}, {2, -3, 0, 1, -1, -1, 10});
  const TestTensor n = tensor<int32_t>({7}, {62, 3, -1, -5, -3, -4, -1});
  EXPECT_EQ(run("Pow", {x, n}, DMT_S64, {7}).values<int64_t>(),
            (std::vector<int64_t>{int64_t{1} << 62, -27, 0, 1, -1, 1, 0}));
  const TestTensor half = tensor<float>({}, {0.5f});
  EXPECT_EQ(run("Pow", {tensor<int32_t>({3}, {9, 2, -4}), half}, DMT_S32, {3}).values<int32_t>(),
            (std::vector<int32_t>{3, 1, 0}));
}

TEST(Arithmetic, PowersOfFloats) {
  const std::vector<float> values = numbers(1500, 3);
  const TestTensor x = tensor<float>({1500}, values);
  for (const float exponent : {2.0f, 1.0f, 3.0f, -1.0f, 0.0f}) {
    const auto y = run("Pow", {x, tensor<float>({}, {exponent})}, DMT_F32, {1500}).values<float>();
    for (size_t i = 0; i < y.size(); ++i) {
      EXPECT_FLOAT_EQ(y[i], std::pow(values[i], exponent));
    }
  }
  const auto y =
      run("Pow",
          {tensor<Float16>({2}, {Float16(3.f), Float16(2.f)}), tensor<uint64_t>({2}, {2, 3})},
          DMT_F16, {2})
          .values<Float16>();
  EXPECT_EQ(static_cast<float>(y[0]), 9);
  EXPECT_EQ(static_cast<float>(y[1]), 8);
}

TEST(Arithmetic, VariadicOperatorsBroadcastAllTheirInputs) {
  const TestTensor a = tensor<float>({2, 1}, {1, 2});
  const TestTensor b = tensor<float>({}, {10});
  const TestTensor c = tensor<float>({3}, {100, 200, 300});
  const Dims dims = {2, 3};
  EXPECT_EQ(run("Sum", {a, b, c}, DMT_F32, dims).values<float>(),
            (std::vector<float>{111, 211, 311, 112, 212, 312}));
  EXPECT_EQ(run("Mean", {a, b, c}, DMT_F32, dims).values<float>()[0], 37);
  EXPECT_EQ(run("Min", {c, b, a}, DMT_F32, dims).values<float>(),
            (std::vector<float>{1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(run("Max", {c}, DMT_F32, {3}).values<float>(), c.values<float>());
}

TEST(Arithmetic, MaximumAndMinimumKeepNan) {
  const TestTensor a = tensor<float>({3}, {kNan, 1, 1});
  const TestTensor b = tensor<float>({3}, {1, kNan, 2});
  for (const char* name : {"Max", "Min"}) {
    const auto y = run(name, {a, b}, DMT_F32, {3}).values<float>();
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && !std::isnan(y[2])) << name;
  }
}

TEST(Arithmetic, ClipTakesBoundsAsInputsOrNumbers) {
  const TestTensor x = tensor<float>({4}, {-5, 0, 5, kNan});
  const TestTensor low = tensor<float>({}, {-1}), high = tensor<float>({1}, {2}), none;
  const auto clipped = [&](const TestTensor& least, const TestTensor& largest,
                           std::vector<double> floats = {}) {
    auto y = run("Clip", {x, least, largest}, DMT_F32, {4}, {}, floats).values<float>();
    EXPECT_TRUE(std::isnan(y.back()));
    y.pop_back();
    return y;
  };
  EXPECT_EQ(clipped(low, high), (std::vector<float>{-1, 0, 2}));
  EXPECT_EQ(clipped(none, high), (std::vector<float>{-5, 0, 2}));
  EXPECT_EQ(clipped(low, none), (std::vector<float>{-1, 0, 5}));
  EXPECT_EQ(clipped(none, none, {-2, 3}), (std::vector<float>{-2, 0, 3}));
  EXPECT_EQ(clipped(high, low), (std::vector<float>{-1, -1, -1}));
  EXPECT_EQ(
      run("Clip", {tensor<int8_t>({3}, {-100, 0, 100}), tensor<int8_t>({}, {-7})}, DMT_S8, {3})
          .values<int8_t>(),
      (std::vector<int8_t>{-7, 0, 100}));
  std::vector<TestTensor> y{empty(DMT_F32, {4})};
  EXPECT_EQ(try_call("Clip", {x, tensor<float>({2}, {0, 1})}, y), DMT_INVALID_ARGUMENT);
}

TEST(Arithmetic, ShapesThatDoNotBroadcastAreNamed) {
  const TestTensor a = tensor<float>({2, 3}, std::vector<float>(6));
  const TestTensor b = tensor<float>({2}, {1, 2});
  std::vector<TestTensor> y{empty(DMT_F32, {2, 3})};
  EXPECT_EQ(try_call("Add", {a, b}, y), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(dmt_last_error()),
            "Add: float32[2,3], float32[2] cannot be broadcast to float32[2,3]");
  std::vector<TestTensor> small{empty(DMT_F32, {3})};
  EXPECT_EQ(try_call("Add", {a, a}, small), DMT_INVALID_ARGUMENT);
  std::vector<TestTensor> mixed{empty(DMT_F32, {2, 3})};
  EXPECT_EQ(try_call("Add", {a, tensor<double>({}, {1})}, mixed), DMT_INVALID_ARGUMENT);
}

TEST(Comparison, OfAllKinds) {
  const TestTensor a = tensor<float>({4}, {1, 2, 3, kNan});
  const TestTensor b = tensor<float>({}, {2});
  using Bits = std::vector<uint8_t>;
  EXPECT_EQ(run("Less", {a, b}, DMT_BOOL, {4}).bytes, (Bits{1, 0, 0, 0}));
  EXPECT_EQ(run("LessOrEqual", {a, b}, DMT_BOOL, {4}).bytes, (Bits{1, 1, 0, 0}));
  EXPECT_EQ(run("Greater", {a, b}, DMT_BOOL, {4}).bytes, (Bits{0, 0, 1, 0}));
  EXPECT_EQ(run("GreaterOrEqual", {a, b}, DMT_BOOL, {4}).bytes, (Bits{0, 1, 1, 0}));
  EXPECT_EQ(run("Equal", {a, b}, DMT_BOOL, {4}).bytes, (Bits{0, 1, 0, 0}));
  const TestTensor c = tensor<uint64_t>({2}, {~uint64_t{0}, 1});
  EXPECT_EQ(run("Greater", {c, tensor<uint64_t>({}, {5})}, DMT_BOOL, {2}).bytes, (Bits{1, 0}));
}

TEST(Comparison, LogicTakesEveryNonZeroByteAsTrue) {
  const TestTensor a = packed(DMT_BOOL, {2, 2}, {0, 1, 0, 255});
  const TestTensor b = packed(DMT_BOOL, {2}, {0, 1});
  using Bits = std::vector<uint8_t>;
  EXPECT_EQ(run("And", {a, b}, DMT_BOOL, {2, 2}).bytes, (Bits{0, 1, 0, 1}));
  EXPECT_EQ(run("Or", {a, b}, DMT_BOOL, {2, 2}).bytes, (Bits{0, 1, 0, 1}));
  EXPECT_EQ(run("Xor", {a, b}, DMT_BOOL, {2, 2}).bytes, (Bits{0, 0, 0, 0}));
  EXPECT_EQ(run("Not", {a}, DMT_BOOL, {2, 2}).bytes, (Bits{1, 0, 1, 0}));
  EXPECT_EQ(run("Equal", {a, b}, DMT_BOOL, {2, 2}).bytes, (Bits{1, 1, 1, 1}));
}

TEST(Comparison, WhereBroadcastsThreeWays) {
  const TestTensor condition = packed(DMT_BOOL, {2, 1}, {1, 0});
  const TestTensor a = tensor<int64_t>({3}, {1, 2, 3});
  const TestTensor b = tensor<int64_t>({}, {9});
  EXPECT_EQ(run("Where", {condition, a, b}, DMT_S64, {2, 3}).values<int64_t>(),
            (std::vector<int64_t>{1, 2, 3, 9, 9, 9}));
}

}  // namespace
}  // namespace demitasse::testing
