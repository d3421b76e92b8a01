// Convolutions against their definition as sums over all indices.
#include <cmath>
#include <functional>
#include <random>

#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

struct Geometry {
  int64_t rank, batch, groups, in_channels, out_channels;  // channels of one group
  std::vector<int64_t> in, kernel, strides, dilations, begins, ends, out;

  std::vector<int64_t> x_dims() const { return dims(batch, groups * in_channels, in); }
  std::vector<int64_t> y_dims() const { return dims(batch, groups * out_channels, out); }
  std::vector<int64_t> w_dims() const { return dims(groups * out_channels, in_channels, kernel); }
  std::vector<int64_t> integers() const {
    std::vector<int64_t> all{groups};
    for (const auto* part : {&strides, &dilations, &begins, &ends}) {
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }
  static std::vector<int64_t> dims(int64_t n, int64_t c, const std::vector<int64_t>& spatial) {
    std::vector<int64_t> all{n, c};
    all.insert(all.end(), spatial.begin(), spatial.end());
    return all;
  }
};

int64_t count(const std::vector<int64_t>& dims) {
  int64_t product = 1;
  for (const int64_t size : dims) product *= size;
  return product;
}

Geometry random_geometry(std::mt19937& random) {
  const auto between = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  Geometry g;
  g.rank = between(1, 3);
  g.batch = between(1, 3);
  g.groups = between(1, 3);
  g.in_channels = between(1, 5);
  g.out_channels = between(1, 6);
  for (int64_t i = 0; i < g.rank; ++i) {
    g.kernel.push_back(between(1, 4));
    g.strides.push_back(between(1, 3));
    g.dilations.push_back(between(1, 3));
    g.begins.push_back(between(0, 5));
    g.ends.push_back(between(0, 5));
    const int64_t extent = (g.kernel[i] - 1) * g.dilations[i] + 1;
    const int64_t least = std::max<int64_t>(1, extent - g.begins[i] - g.ends[i]);
    g.in.push_back(least + between(0, g.rank == 1 ? 400 : g.rank == 2 ? 21 : 6));
    g.out.push_back((g.in[i] + g.begins[i] + g.ends[i] - extent) / g.strides[i] + 1);
  }
  return g;
}

// Calls visit(x index, w index, y index) for every product of a convolution.
void for_each_product(const Geometry& g,
                      const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  const int64_t outputs = count(g.out), taps = count(g.kernel);
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t m = 0; m < g.groups * g.out_channels; ++m) {
      for (int64_t o = 0; o < outputs; ++o) {
        for (int64_t c = 0; c < g.in_channels; ++c) {
          for (int64_t k = 0; k < taps; ++k) {
            int64_t source = 0, scale = 1, o_rest = o, k_rest = k;
            bool inside = true;
            for (int64_t i = g.rank - 1; i >= 0; --i) {
              const int64_t at = o_rest % g.out[i] * g.strides[i] - g.begins[i] +
                                 k_rest % g.kernel[i] * g.dilations[i];
              inside = inside && at >= 0 && at < g.in[i];
              source += at * scale;
              scale *= g.in[i];
              o_rest /= g.out[i];
              k_rest /= g.kernel[i];
            }
            if (!inside) continue;
            const int64_t channel = m / g.out_channels * g.in_channels + c;
            visit((n * g.groups * g.in_channels + channel) * count(g.in) + source,
                  (m * g.in_channels + c) * taps + k,
                  (n * g.groups * g.out_channels + m) * outputs + o);
          }
        }
      }
    }
  }
}

template <class T>
std::vector<T> random_values(std::mt19937& random, int64_t size) {
  std::vector<T> values(size);
  for (T& value : values) {
    if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(random() % 256);
    } else {
      value = static_cast<T>(random() % 2001) / 1000 - 1;
    }
  }
  return values;
}

template <class T>
void expect_near(const std::vector<T>& actual, const std::vector<double>& expected,
                 double tolerance, const Geometry& g) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * (1 + std::abs(expected[i])))
        << i << " " << ::testing::PrintToString(g.x_dims()) << " "
        << ::testing::PrintToString(g.w_dims()) << " " << ::testing::PrintToString(g.integers());
  }
}

TEST(Convolution, EqualsItsDefinition) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    const Geometry g = random_geometry(random);
    const auto x = random_values<float>(random, count(g.x_dims()));
    const auto w = random_values<float>(random, count(g.w_dims()));
    const auto bias = random_values<float>(random, g.groups * g.out_channels);
    std::vector<double> expected(count(g.y_dims()));
    for (size_t i = 0; i < expected.size(); ++i) {
      expected[i] = bias[i / count(g.out) % bias.size()];
    }
    for_each_product(g, [&](int64_t from, int64_t weight, int64_t to) {
      expected[to] += static_cast<double>(x[from]) * w[weight];
    });
    const TestTensor b = tensor<float>({static_cast<int64_t>(bias.size())}, bias);
    const TestTensor y = run("Conv", {tensor(g.x_dims(), x), tensor(g.w_dims(), w), b}, DMT_F32,
                             g.y_dims(), g.integers(), {}, 1 + trial % 3);
    expect_near(y.values<float>(), expected, 2e-6, g);
    const std::vector<double> x64(x.begin(), x.end()), w64(w.begin(), w.end()),
        b64(bias.begin(), bias.end());
    const TestTensor y64 =
        run("Conv", {tensor(g.x_dims(), x64), tensor(g.w_dims(), w64), tensor(b.dims, b64)},
            DMT_F64, g.y_dims(), g.integers());
    expect_near(y64.values<double>(), expected, 1e-12, g);
  }
}

TEST(Convolution, TransposedSendsEveryProductBack) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 300; ++trial) {
    const Geometry g = random_geometry(random);
    // The same weights [M, C / groups, ..]: what was the output is the input here.
    const auto x = random_values<float>(random, count(g.y_dims()));
    const auto w = random_values<float>(random, count(g.w_dims()));
    std::vector<double> expected(count(g.x_dims()));
    for_each_product(g, [&](int64_t to, int64_t weight, int64_t from) {
      expected[to] += static_cast<double>(x[from]) * w[weight];
    });
    const TestTensor y = run("ConvTranspose", {tensor(g.y_dims(), x), tensor(g.w_dims(), w)},
                             DMT_F32, g.x_dims(), g.integers(), {}, 1 + trial % 3);
    expect_near(y.values<float>(), expected, 2e-6, g);
  }
}

TEST(Convolution, OfCodesIsExact) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const Geometry g = random_geometry(random);
    const auto x = random_values<uint8_t>(random, count(g.x_dims()));
    const auto w = random_values<int8_t>(random, count(g.w_dims()));
    const auto x_zero = random_values<uint8_t>(random, 1);
    const auto w_zero = random_values<int8_t>(random, g.groups * g.out_channels);
    std::vector<int32_t> expected(count(g.y_dims()));
    const int64_t filter = g.in_channels * count(g.kernel);
    for_each_product(g, [&](int64_t from, int64_t weight, int64_t to) {
      expected[to] += (x[from] - x_zero[0]) * (w[weight] - w_zero[weight / filter]);
    });
    const TestTensor y = run("ConvInteger",
                             {tensor(g.x_dims(), x), tensor(g.w_dims(), w), tensor({1}, x_zero),
                              tensor({static_cast<int64_t>(w_zero.size())}, w_zero)},
                             DMT_S32, g.y_dims(), g.integers(), {}, 1 + trial % 3);
    ASSERT_EQ(y.values<int32_t>(), expected) << ::testing::PrintToString(g.integers());
  }
}

TEST(Convolution, EpilogueComesInItsOrder) {
  const TestTensor x = tensor<float>({1, 1, 4}, {-2, -1, 1, 2});
  const TestTensor w = tensor<float>({1, 1, 1}, {1});
  const TestTensor bias = tensor<float>({1}, {0.5f});
  const TestTensor residual = tensor<float>({1, 1, 4}, {10, 10, 10, 10});
  const std::vector<int64_t> window{1, 1, 1, 0, 0};
  const auto call = [&](int64_t activation, int64_t first, std::vector<double> floats) {
    std::vector<int64_t> integers = window;
    integers.insert(integers.end(), {activation, first});
    return run("Conv", {x, w, bias, residual}, DMT_F32, {1, 1, 4}, integers, floats)
        .values<float>();
  };
  const std::vector<double> plain{0, 0, 1, 0};
  EXPECT_EQ(call(1, 0, plain), (std::vector<float>{10, 10, 11.5f, 12.5f}));
  EXPECT_EQ(call(1, 1, plain), (std::vector<float>{8.5f, 9.5f, 11.5f, 12.5f}));
  EXPECT_EQ(call(1, 0, {0, 0, 2, 3}), (std::vector<float>{13, 13, 16, 18}));
  EXPECT_EQ(call(9, 0, {0.5, 0, 1, 0}), (std::vector<float>{9.25f, 9.75f, 11.5f, 12.5f}));
  EXPECT_EQ(call(10, 0, {-1, 2, 1, 0}), (std::vector<float>{9, 9.5f, 11.5f, 12}));
  EXPECT_EQ(call(8, 0, {0.5, 0.5, 1, 0}), (std::vector<float>{10, 10.25f, 11, 11}));
}

TEST(Convolution, RejectsWhatDoesNotFit) {
  const TestTensor x = empty(DMT_F32, {1, 4, 8}), w = empty(DMT_F32, {2, 4, 3});
  const auto status = [&](const TestTensor& weight, std::vector<int64_t> y,
                          std::vector<int64_t> integers) {
    std::vector<TestTensor> outputs{empty(DMT_F32, std::move(y))};
    return try_call("Conv", {x, weight}, outputs, integers);
  };
  EXPECT_EQ(status(w, {1, 2, 6}, {1, 1, 1, 0, 0}), DMT_OK);
  EXPECT_EQ(status(w, {1, 2, 7}, {1, 1, 1, 0, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 6}, {2, 1, 1, 0, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 6}, {0, 1, 1, 0, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 6}, {1, 0, 1, 0, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 6}, {1, 1, -1, 0, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 6}, {1, 1, 1, -1, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 1}, {1, INT64_MAX, 1, 0, 0}), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(status(w, {1, 2, 0}, {1, 1, INT32_MAX, 0, 0}), DMT_OK);
  EXPECT_EQ(status(empty(DMT_F32, {2, 3, 3}), {1, 2, 6}, {1, 1, 1, 0, 0}), DMT_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace demitasse::testing
