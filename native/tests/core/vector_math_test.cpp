#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/vector_functions.h"
#include "cpu/isa.h"

namespace demitasse {
namespace {

struct Level {
  Isa isa;
  const VectorFunctions* functions;
};

std::vector<Level> levels() {
  std::vector<Level> levels;
  if (best_isa() >= Isa::avx2) levels.push_back({Isa::avx2, &vector_functions_avx2});
  if (best_isa() >= Isa::avx512) levels.push_back({Isa::avx512, &vector_functions_avx512});
  return levels;
}

// Finite floats of both signs: every one with DEMITASSE_EXHAUSTIVE_TESTS, else a dense sample.
std::vector<std::vector<float>> float_blocks() {
  const uint32_t step = std::getenv("DEMITASSE_EXHAUSTIVE_TESTS") != nullptr ? 1 : 1009;
  std::vector<std::vector<float>> blocks(1);
  for (uint64_t bits = 0; bits < 0x7f800000u; bits += step) {
    if (blocks.back().size() >= 1 << 20) blocks.emplace_back();
    blocks.back().push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    blocks.back().push_back(-blocks.back().back());
  }
  return blocks;
}

// The distance in units of the last place of the true value, at least of the least normal float.
double ulps(float value, double truth) {
  const double magnitude = std::max(std::fabs(truth), 0x1p-126);
  return std::fabs(value - truth) / std::ldexp(1, std::ilogb(magnitude) - 23);
}

template <class Truth>
void expect_within(double bound, void (*VectorFunctions::*function)(const float*, float*, int64_t),
                   Truth truth) {
  for (const Level& level : levels()) {
    double worst = 0;
    float worst_x = 0;
    for (const std::vector<float>& x : float_blocks()) {
      std::vector<float> y(x.size());
      (level.functions->*function)(x.data(), y.data(), static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = truth(static_cast<double>(x[i]));
        if (expected > std::numeric_limits<float>::max()) {
          EXPECT_EQ(y[i], std::numeric_limits<float>::infinity()) << x[i];
          continue;
        }
        const double error = ulps(y[i], expected);
        if (!(error <= worst)) worst = error, worst_x = x[i];
      }
    }
    testing::Test::RecordProperty(std::string("worst_ulps_") + isa_name(level.isa),
                                  std::to_string(worst));
    EXPECT_LE(worst, bound) << isa_name(level.isa) << " at " << worst_x;
  }
}

TEST(VectorMath, exponentialIsWithinItsBound) {
  expect_within(1.0, &VectorFunctions::exp, [](double x) { return std::exp(x); });
}

TEST(VectorMath, errorFunctionIsWithinItsBound) {
  expect_within(6.0, &VectorFunctions::erf, [](double x) { return std::erf(x); });
}

TEST(VectorMath, hyperbolicTangentIsWithinItsBound) {
  expect_within(6.0, &VectorFunctions::tanh, [](double x) { return std::tanh(x); });
}

// GELU of a large negative number is zero only if erf and tanh reach -1 exactly.
TEST(VectorMath, errorFunctionAndTangentReachOneExactly) {
  for (const Level& level : levels()) {
    const std::vector<float> x = {3.93f, 4, 1e30f, std::numeric_limits<float>::infinity()};
    const std::vector<float> large = {9.02f, 10, 1e30f, std::numeric_limits<float>::infinity()};
    for (size_t i = 0; i < x.size(); ++i) {
      float y[2];
      const float arguments[2] = {x[i], -x[i]}, large_arguments[2] = {large[i], -large[i]};
      level.functions->erf(arguments, y, 2);
      EXPECT_EQ(y[0], 1) << x[i];
      EXPECT_EQ(y[1], -1) << x[i];
      level.functions->tanh(large_arguments, y, 2);
      EXPECT_EQ(y[0], 1) << large[i];
      EXPECT_EQ(y[1], -1) << large[i];
    }
  }
}

TEST(VectorMath, specialValuesAreThoseOfTheStandardLibrary) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Level& level : levels()) {
    const float x[5] = {infinity, -infinity, std::nanf(""), 0, -0.0f};
    float y[5];
    level.functions->exp(x, y, 5);
    EXPECT_EQ(y[0], infinity);
    EXPECT_EQ(y[1], 0);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], 1);
    EXPECT_EQ(y[4], 1);
    level.functions->erf(x, y, 5);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], 0);
    EXPECT_TRUE(std::signbit(y[4]));
    level.functions->tanh(x, y, 5);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], 0);
    EXPECT_TRUE(std::signbit(y[4]));
  }
}

TEST(VectorMath, levelsAgreeToTheBit) {
  if (levels().size() < 2) GTEST_SKIP() << "this CPU has one vector level only";
  for (const std::vector<float>& x : float_blocks()) {
    std::vector<float> narrow(x.size()), wide(x.size());
    for (auto function : {&VectorFunctions::exp, &VectorFunctions::erf, &VectorFunctions::tanh}) {
      (vector_functions_avx2.*function)(x.data(), narrow.data(), static_cast<int64_t>(x.size()));
      (vector_functions_avx512.*function)(x.data(), wide.data(), static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(std::bit_cast<uint32_t>(narrow[i]), std::bit_cast<uint32_t>(wide[i])) << x[i];
      }
    }
  }
}

}  // namespace
}  // namespace demitasse
