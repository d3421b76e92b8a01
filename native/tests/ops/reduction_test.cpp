#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

using Dims = std::vector<int64_t>;

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> random_integers(int64_t count, int low, int high) {
  std::mt19937 generator(5);
  std::uniform_int_distribution<int> distribution(low, high);
  std::vector<double> values(static_cast<size_t>(count));
  for (double& value : values) value = distribution(generator);
  return values;
}

// The elements that each output is made of, by walking the input once.
std::vector<std::vector<double>> groups(const std::vector<double>& x, const Dims& dims,
                                        const std::vector<int64_t>& axes) {
  std::map<std::vector<int64_t>, std::vector<double>> found;
  std::vector<int64_t> index(dims.size(), 0);
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<int64_t> kept;
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) kept.push_back(index[axis]);
    }
    found[kept].push_back(x[i]);
    for (size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
  std::vector<std::vector<double>> result;
  for (auto& entry : found) result.push_back(entry.second);
  return result;
}

double expected(const std::string& name, const std::vector<double>& group) {
  double sum = 0, squares = 0, magnitudes = 0, product = 1, exponentials = 0;
  double largest = -kInf, least = kInf;
  for (const double x : group) {
    sum += x;
    squares += x * x;
    magnitudes += std::fabs(x);
    product *= x;
    exponentials += std::exp(x);
    largest = std::max(largest, x);
    least = std::min(least, x);
  }
  if (name == "ReduceSum") return sum;
  if (name == "ReduceMean") return sum / static_cast<double>(group.size());
  if (name == "ReduceSumSquare") return squares;
  if (name == "ReduceL1") return magnitudes;
  if (name == "ReduceL2") return std::sqrt(squares);
  if (name == "ReduceProd") return product;
  if (name == "ReduceLogSum") return std::log(sum);
  if (name == "ReduceLogSumExp") return std::log(exponentials);
  return name == "ReduceMax" ? largest : least;
}

const std::vector<std::string> kNames = {
    "ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1",        "ReduceL2",
    "ReduceMax", "ReduceMin",  "ReduceLogSum",    "ReduceLogSumExp", "ReduceProd"};

template <class T>
void expect_reductions(double tolerance) {
  const std::vector<std::pair<Dims, std::vector<int64_t>>> cases = {
      {{}, {}},
      {{5}, {0}},
      {{3, 7}, {1}},
      {{3, 7}, {0}},
      {{3, 7}, {0, 1}},
      {{3, 7}, {}},
      {{2, 3, 4}, {1}},
      {{2, 3, 4}, {0, 2}},
      {{1, 5, 1}, {1}},
      {{2, 1, 3, 2}, {1}},
      {{2, 3, 2, 3, 2}, {1, 3}},
      {{2, 3, 2, 3}, {0, 2}},
      {{3, 200}, {0}},
      {{70, 33}, {1}},
      {{2, 9, 129}, {1}},
  };
  for (const auto& [dims, axes] : cases) {
    int64_t elements = 1, outputs = 1;
    for (size_t i = 0; i < dims.size(); ++i) {
      elements *= dims[i];
      if (std::find(axes.begin(), axes.end(), i) == axes.end()) outputs *= dims[i];
    }
    const std::vector<double> source = random_integers(elements, 1, 3);
    std::vector<T> x;
    for (const double value : source) x.push_back(static_cast<T>(value));
    const auto expectations = groups(source, dims, axes);
    for (const std::string& name : kNames) {
      if (name == "ReduceProd" && expectations[0].size() > 4) continue;  // overflows small types
      const auto y =
          run(name, {tensor<T>(dims, x)}, dtype_of<T>(), {outputs}, axes).template values<T>();
      for (size_t i = 0; i < y.size(); ++i) {
        double wanted = expected(name, expectations[i]);
        if (std::is_integral_v<T>) wanted = std::trunc(wanted + 1e-9);
        if (std::is_same_v<T, int8_t> && wanted > 127) continue;
        ASSERT_NEAR(static_cast<double>(y[i]), wanted, tolerance * (1 + std::fabs(wanted)))
            << name << " of rank " << dims.size() << ", output " << i;
      }
    }
  }
}

TEST(Reduction, AgreesWithPlainLoopsInEveryType) {
  expect_reductions<float>(1e-6);
  expect_reductions<double>(1e-12);
  expect_reductions<Float16>(1e-3);
  expect_reductions<Bfloat16>(8e-3);
  expect_reductions<int8_t>(0);
  expect_reductions<int32_t>(0);
  expect_reductions<int64_t>(0);
  expect_reductions<uint64_t>(0);
}

TEST(Reduction, OfNothing) {
  const TestTensor x = empty(DMT_F32, {2, 0});
  const auto of = [&](const char* name) {
    return run(name, {x}, DMT_F32, {2}, {1}).values<float>();
  };
  EXPECT_EQ(of("ReduceSum"), (std::vector<float>{0, 0}));
  EXPECT_EQ(of("ReduceProd"), (std::vector<float>{1, 1}));
  EXPECT_EQ(of("ReduceMax")[0], -kInf);
  EXPECT_EQ(of("ReduceMin")[0], kInf);
  EXPECT_EQ(of("ReduceLogSum")[0], -kInf);
  EXPECT_EQ(of("ReduceLogSumExp")[0], -kInf);
  EXPECT_TRUE(std::isnan(of("ReduceMean")[0]));
  EXPECT_EQ(run("ReduceMax", {empty(DMT_S8, {0})}, DMT_S8, {}, {0}).values<int8_t>()[0], -128);
  EXPECT_EQ(run("ReduceMin", {empty(DMT_BOOL, {0})}, DMT_BOOL, {}, {0}).bytes[0], 1);
  EXPECT_TRUE(run("ReduceSum", {empty(DMT_F32, {0, 3})}, DMT_F32, {0}, {1}).bytes.empty());
}

TEST(Reduction, LogSumExpDoesNotOverflow) {
  const auto of = [](std::vector<float> x) {
    return run("ReduceLogSumExp", {tensor<float>({3}, x)}, DMT_F32, {1}, {0}).values<float>()[0];
  };
  EXPECT_FLOAT_EQ(of({1000, 1000, 1000}), 1000 + std::log(3.0f));
  EXPECT_FLOAT_EQ(of({-1000, -2000, -1000}), -1000 + std::log(2.0f));
  EXPECT_EQ(of({1, static_cast<float>(kInf), 2}), kInf);
  EXPECT_TRUE(std::isnan(of({1, std::nanf(""), 2})));
}

TEST(Reduction, DoesNotDependOnTheNumberOfThreads) {
  std::vector<float> x(300000);
  std::mt19937 generator(1);
  std::normal_distribution<float> distribution;
  for (float& value : x) value = distribution(generator);
  for (const std::vector<int64_t>& axes : {std::vector<int64_t>{0}, {1}, {2}, {0, 2}}) {
    int64_t outputs = 300000;
    const Dims dims = {100, 60, 50};
    for (const int64_t axis : axes) outputs /= dims[axis];
    const TestTensor input = tensor<float>(dims, x);
    EXPECT_EQ(run("ReduceSum", {input}, DMT_F32, {outputs}, axes, {}, 1).bytes,
              run("ReduceSum", {input}, DMT_F32, {outputs}, axes, {}, 2).bytes);
  }
}

TEST(Reduction, ShapesAreChecked) {
  const TestTensor x = tensor<float>({2, 3}, std::vector<float>(6));
  std::vector<TestTensor> y{empty(DMT_F32, {2})};
  EXPECT_EQ(try_call("ReduceSum", {x}, y, {0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(try_call("ReduceSum", {x}, y, {2}), DMT_INVALID_ARGUMENT);
  std::vector<TestTensor> indices{empty(DMT_S64, {2})};
  EXPECT_EQ(try_call("ArgMax", {empty(DMT_F32, {2, 0})}, indices, {1, 0}), DMT_INVALID_ARGUMENT);
}

TEST(Scan, ArgMaxTakesTheFirstOrTheLast) {
  const TestTensor x = tensor<float>({2, 3}, {3, 1, 3, 0, 0, -1});
  const auto of = [&](const char* name, int64_t axis, int64_t last, int64_t outputs) {
    return run(name, {x}, DMT_S64, {outputs}, {axis, last}).values<int64_t>();
  };
  EXPECT_EQ(of("ArgMax", 1, 0, 2), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(of("ArgMax", 1, 1, 2), (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(of("ArgMin", 1, 0, 2), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(of("ArgMax", 0, 0, 3), (std::vector<int64_t>{0, 0, 0}));
  const TestTensor with_nan = tensor<float>({3}, {1, std::nanf(""), 5});
  EXPECT_EQ(run("ArgMax", {with_nan}, DMT_S64, {}, {0, 0}).values<int64_t>()[0], 1);
}

TEST(Scan, CumulativeSumsAndProducts) {
  const TestTensor x = tensor<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto of = [&](const char* name, int32_t axis, std::vector<int64_t> integers) {
    return run(name, {x, tensor<int32_t>({}, {axis})}, DMT_S32, {2, 3}, integers).values<int32_t>();
  };
  EXPECT_EQ(of("CumSum", 1, {0, 0}), (std::vector<int32_t>{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(of("CumSum", 0, {0, 0}), (std::vector<int32_t>{1, 2, 3, 5, 7, 9}));
  EXPECT_EQ(of("CumSum", 1, {1, 0}), (std::vector<int32_t>{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(of("CumSum", 1, {0, 1}), (std::vector<int32_t>{6, 5, 3, 15, 11, 6}));
  EXPECT_EQ(of("CumSum", 1, {1, 1}), (std::vector<int32_t>{5, 3, 0, 11, 6, 0}));
  EXPECT_EQ(of("CumProd", 1, {0, 0}), (std::vector<int32_t>{1, 2, 6, 4, 20, 120}));
  EXPECT_EQ(of("CumProd", 0, {1, 0}), (std::vector<int32_t>{1, 1, 1, 1, 2, 3}));
}

}  // namespace
}  // namespace demitasse::testing
