#include <cmath>
#include <limits>
#include <random>

#include "ops/float_rows.h"
#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> numbers(int64_t count, float low = -4, float high = 4, uint32_t seed = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(generator);
  return values;
}

struct Function {
  const char* name;
  double (*expected)(double);
  float low = -4, high = 4;
  std::vector<int64_t> integers = {};
  std::vector<double> floats = {};
};

const std::vector<Function>& functions() {
  static const std::vector<Function> all = {
      {"Abs", [](double x) { return std::fabs(x); }},
      {"Neg", [](double x) { return -x; }},
      {"Sqrt", [](double x) { return std::sqrt(x); }, 0, 9},
      {"Reciprocal", [](double x) { return 1 / x; }, 0.5, 3},
      {"Floor", [](double x) { return std::floor(x); }},
      {"Ceil", [](double x) { return std::ceil(x); }},
      {"Round", [](double x) { return std::nearbyint(x); }},
      {"Exp", [](double x) { return std::exp(x); }},
      {"Log", [](double x) { return std::log(x); }, 0.1, 9},
      {"Sin", [](double x) { return std::sin(x); }},
      {"Cos", [](double x) { return std::cos(x); }},
      {"Tan", [](double x) { return std::tan(x); }, -1, 1},
      {"Asin", [](double x) { return std::asin(x); }, -1, 1},
      {"Acos", [](double x) { return std::acos(x); }, -1, 0.9},
      {"Atan", [](double x) { return std::atan(x); }},
      {"Sinh", [](double x) { return std::sinh(x); }},
      {"Cosh", [](double x) { return std::cosh(x); }},
      {"Tanh", [](double x) { return std::tanh(x); }},
      {"Asinh", [](double x) { return std::asinh(x); }},
      {"Acosh", [](double x) { return std::acosh(x); }, 1.1, 5},
      {"Atanh", [](double x) { return std::atanh(x); }, -0.9, 0.9},
      {"Erf", [](double x) { return std::erf(x); }},
      {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"Softplus", [](double x) { return std::log(1 + std::exp(x)); }},
      {"Softsign", [](double x) { return x / (1 + std::fabs(x)); }},
      {"Mish", [](double x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"HardSwish", [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
      {"Gelu", [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }, -4, 4, {0}},
      {"Gelu",
       [](double x) { return x * (1 + std::tanh(0.7978845608 * (x + 0.044715 * x * x * x))) / 2; },
       -4,
       4,
       {1}},
      {"LeakyRelu", [](double x) { return x < 0 ? 0.25 * x : x; }, -4, 4, {}, {0.25}},
      {"ThresholdedRelu", [](double x) { return x > 1.5 ? x : 0; }, -4, 4, {}, {1.5}},
      {"Elu", [](double x) { return x < 0 ? 2 * (std::exp(x) - 1) : x; }, -4, 4, {}, {2}},
      {"Celu", [](double x) { return x < 0 ? 2 * (std::exp(x / 2) - 1) : x; }, -4, 4, {}, {2}},
      {"Selu", [](double x) { return 3 * (x < 0 ? 2 * (std::exp(x) - 1) : x); }, -4, 4, {}, {2, 3}},
      {"Swish", [](double x) { return x / (1 + std::exp(-x)); }, -4, 4, {}, {1}},
      {"Swish", [](double x) { return x / (1 + std::exp(-0.5 * x)); }, -4, 4, {}, {0.5}},
      {"HardSigmoid",
       [](double x) { return std::clamp(0.5 * x + 0.25, 0.0, 1.0); },
       -4,
       4,
       {},
       {0.5, 0.25}},
      {"Shrink",
       [](double x) { return x < -1.5  ? x + 0.5
                             : x > 1.5 ? x - 0.5
                                       : 0; },
       -4,
       4,
       {},
       {1.5, 0.5}},
  };
  return all;
}

template <class T>
void expect_function(const Function& function, int64_t count, double tolerance) {
  const std::vector<float> source = numbers(count, function.low, function.high);
  std::vector<T> x;
  for (const float value : source) x.push_back(T(value));
  const std::vector<T> y = run(function.name, {tensor<T>({count}, x)}, dtype_of<T>(), {count},
                               function.integers, function.floats)
                               .template values<T>();
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = function.expected(static_cast<double>(x[i]));
    ASSERT_NEAR(static_cast<double>(y[i]), expected, tolerance * (1 + std::fabs(expected)))
        << function.name << "(" << static_cast<double>(x[i]) << ")";
  }
}

TEST(Elementwise, FunctionsAgreeWithTheMathematicsInEveryFloatingType) {
  for (const Function& function : functions()) {
    for (const int64_t count : {1, 7, 33, 1000}) {
      expect_function<float>(function, count, 2e-6);
      expect_function<double>(function, count, 1e-9);
    }
    // Steps are compared at inputs that are exact in the small type.
    expect_function<Float16>(function, 37, 1e-3);
    expect_function<Bfloat16>(function, 37, 8e-3);
  }
}

TEST(Elementwise, FunctionsOfALargeTensorOnSeveralThreads) {
  for (const Function& function : functions()) expect_function<float>(function, 100003, 2e-6);
}

TEST(Elementwise, RoundGoesHalfToEven) {
  const std::vector<float> x = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 0.4999f};
  EXPECT_EQ(run("Round", {tensor<float>({7}, x)}, DMT_F32, {7}).values<float>(),
            (std::vector<float>{0, 2, 2, -0.0f, -2, -2, 0}));
}

TEST(Elementwise, NanPassesThroughEveryFunction) {
  for (const Function& function : functions()) {
    const std::vector<float> x(19, kNan);
    const std::vector<float> y = run(function.name, {tensor<float>({19}, x)}, DMT_F32, {19},
                                     function.integers, function.floats)
                                     .values<float>();
    for (const float value : y) EXPECT_TRUE(std::isnan(value)) << function.name;
  }
}

TEST(Elementwise, SaturatingFunctionsAreFiniteAtInfinity) {
  const auto at = [](const char* name, float x) {
    return run(name, {tensor<float>({1}, std::vector<float>{x})}, DMT_F32, {1}).values<float>()[0];
  };
  EXPECT_EQ(at("Sigmoid", -kInf), 0);
  EXPECT_EQ(at("Sigmoid", kInf), 1);
  EXPECT_EQ(at("Tanh", -kInf), -1);
  EXPECT_EQ(at("Erf", kInf), 1);
  EXPECT_EQ(at("Softplus", -kInf), 0);
  EXPECT_EQ(at("Softplus", kInf), kInf);
  EXPECT_EQ(at("Softplus", 1000), 1000);
  EXPECT_EQ(at("Exp", -kInf), 0);
  EXPECT_EQ(at("Exp", 1000), kInf);
}

TEST(Elementwise, IntegersWrapAround) {
  const std::vector<int8_t> x = {-128, -1, 0, 1, 127};
  EXPECT_EQ(run("Neg", {tensor<int8_t>({5}, x)}, DMT_S8, {5}).values<int8_t>(),
            (std::vector<int8_t>{-128, 1, 0, -1, -127}));
  EXPECT_EQ(run("Abs", {tensor<int8_t>({5}, x)}, DMT_S8, {5}).values<int8_t>(),
            (std::vector<int8_t>{-128, 1, 0, 1, 127}));
  EXPECT_EQ(run("Sign", {tensor<int8_t>({5}, x)}, DMT_S8, {5}).values<int8_t>(),
            (std::vector<int8_t>{-1, -1, 0, 1, 1}));
  EXPECT_EQ(run("Relu", {tensor<int8_t>({5}, x)}, DMT_S8, {5}).values<int8_t>(),
            (std::vector<int8_t>{0, 0, 0, 1, 127}));
  EXPECT_EQ(run("BitwiseNot", {tensor<int8_t>({5}, x)}, DMT_S8, {5}).values<int8_t>(),
            (std::vector<int8_t>{127, 0, -1, -2, -128}));
}

TEST(Elementwise, TestsForNanAndInfinity) {
  const TestTensor x = tensor<float>({4}, {kNan, kInf, -kInf, 1});
  EXPECT_EQ(run("IsNaN", {x}, DMT_BOOL, {4}).bytes, (std::vector<uint8_t>{1, 0, 0, 0}));
  EXPECT_EQ(run("IsInf", {x}, DMT_BOOL, {4}, {1, 1}).bytes, (std::vector<uint8_t>{0, 1, 1, 0}));
  EXPECT_EQ(run("IsInf", {x}, DMT_BOOL, {4}, {0, 1}).bytes, (std::vector<uint8_t>{0, 1, 0, 0}));
  EXPECT_EQ(run("IsInf", {x}, DMT_BOOL, {4}, {1, 0}).bytes, (std::vector<uint8_t>{0, 0, 1, 0}));
}

TEST(Elementwise, EveryIsaLevelGivesTheSameBits) {
  const std::vector<float> a = numbers(1003, -9, 9, 2), b = numbers(1003, -9, 9, 3);
  for (int level = 1; level <= static_cast<int>(best_isa()); ++level) {
    const FloatRows& rows = float_rows(static_cast<Isa>(level));
    for (int i = 0; i < static_cast<int>(FloatUnary::exp); ++i) {
      std::vector<float> y(a.size()), expected(a.size());
      rows.unary[i](a.data(), y.data(), 1003, 0.25f, 0.5f);
      float_rows_scalar.unary[i](a.data(), expected.data(), 1003, 0.25f, 0.5f);
      EXPECT_EQ(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)), 0)
          << "function " << i << " on " << isa_name(static_cast<Isa>(level));
    }
    for (int i = 0; i < static_cast<int>(FloatBinary::count); ++i) {
      for (int steps = 0; steps < 4; ++steps) {
        std::vector<float> y(a.size()), expected(a.size());
        rows.binary[i](a.data(), steps & 1, b.data(), steps >> 1, y.data(), 1003);
        float_rows_scalar.binary[i](a.data(), steps & 1, b.data(), steps >> 1, expected.data(),
                                    1003);
        EXPECT_EQ(y, expected) << "function " << i << " on " << isa_name(static_cast<Isa>(level));
      }
    }
  }
}

TEST(Elementwise, ShapesAndTypesAreChecked) {
  const TestTensor x = tensor<float>({2, 3}, numbers(6));
  std::vector<TestTensor> other_shape{empty(DMT_F32, {3, 2})};
  EXPECT_EQ(try_call("Exp", {x}, other_shape), DMT_INVALID_ARGUMENT);
  EXPECT_NE(std::string(dmt_last_error()).find("float32[2,3]"), std::string::npos);
  std::vector<TestTensor> other_type{empty(DMT_F64, {2, 3})};
  EXPECT_EQ(try_call("Exp", {x}, other_type), DMT_INVALID_ARGUMENT);
  std::vector<TestTensor> integer{empty(DMT_S32, {2})};
  EXPECT_EQ(try_call("Exp", {tensor<int32_t>({2}, {1, 2})}, integer), DMT_UNSUPPORTED);
  std::vector<TestTensor> none;
  EXPECT_EQ(try_call("Exp", {x}, none), DMT_INVALID_ARGUMENT);
  std::vector<TestTensor> y{empty(DMT_F32, {2, 3})};
  EXPECT_EQ(try_call("Exp", {}, y), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(try_call("Gelu", {x}, y), DMT_INVALID_ARGUMENT);
}

TEST(Elementwise, EmptyTensorsAreFine) {
  EXPECT_TRUE(run("Exp", {empty(DMT_F32, {0, 3})}, DMT_F32, {0, 3}).bytes.empty());
  EXPECT_TRUE(
      run("Add", {empty(DMT_F32, {0, 3}), empty(DMT_F32, {3})}, DMT_F32, {0, 3}).bytes.empty());
}

}  // namespace
}  // namespace demitasse::testing
