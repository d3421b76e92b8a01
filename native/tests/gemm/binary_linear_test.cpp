// Binary weights: with rows of signs every level gives the integers of the definition; with other
// rows they are weights in groups whose codes are -1 and +1.
#include <cmath>

#include "core/error.h"
#include "gemm/linear_cases.h"
#include "gemm/source.h"

namespace demitasse::testing {
namespace {

class BinaryOperands {
 public:
  BinaryOperands(const Shape& shape, int64_t group)
      : shape_(shape), x(shape.m * stride()), signs_((shape.k * shape.n + 7) / 8) {
    Random random(static_cast<uint32_t>(shape.m + shape.n * 3 + shape.k * 5));
    for (uint8_t& byte : signs_) byte = static_cast<uint8_t>(random.integer(0, 255));
    for (int64_t m = 0; m < shape.m; ++m) {
      for (int64_t i = 0; i < shape.k; ++i) {
        x[m * stride() + i / 64] |= static_cast<uint64_t>(random.integer(0, 1)) << i % 64;
      }
    }
    source.dtype = kSigns;
    source.data = signs_.data();
    source.k = shape.k;
    source.n = shape.n;
    source.k_stride = shape.n;
    source.n_stride = 1;
    source.group = group;
    scales = random.reals(source.groups() * shape.n);
    source.scales = scales.data();
    bias = random.reals(shape.n);
  }
  int64_t stride() const { return (shape_.k + 63) / 64; }
  BitRows rows() { return {x.data(), stride()}; }
  int32_t w(int64_t i, int64_t j) const {
    const int64_t index = i * shape_.n + j;
    return (signs_[index / 8] >> index % 8 & 1) != 0 ? 1 : -1;
  }
  int32_t sum(int64_t m, int64_t j) const {
    int32_t sum = 0;
    for (int64_t i = 0; i < shape_.k; ++i) {
      sum += (x[m * stride() + i / 64] >> i % 64 & 1) != 0 ? w(i, j) : -w(i, j);
    }
    return sum;
  }

 private:
  Shape shape_;

 public:
  std::vector<uint64_t> x;
  GroupedSource source;
  std::vector<float> scales, bias;

 private:
  std::vector<uint8_t> signs_;
};

class BinaryLinear : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, BinaryLinear, ::testing::ValuesIn(levels()), level_name);

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (int64_t m = 1; m <= 9; ++m) all.push_back({m, 33, 65});
  for (int64_t n = 1; n <= 66; n += 5) all.push_back({3, n, 130});
  for (const int64_t k : {1, 63, 64, 65, 127, 129, 31 * 64, 32 * 64 + 1, 4100}) {
    all.push_back({5, 9, k});
  }
  all.push_back({131, 70, 200});
  return all;
}

TEST_P(BinaryLinear, signsTimesSignsAreTheIntegersOfTheDefinition) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto [m, n, k] = shape;
    BinaryOperands operands(shape, k);
    const auto weight = pack_binary_weight(GetParam(), operands.source);
    for (const int threads : {1, 3}) {
      const PoolExecutor pool(threads);
      Guarded<float> out(m, n, n + 2);
      Epilogue epilogue;
      epilogue.bias = operands.bias.data();
      epilogue.out = out.data();
      epilogue.out_stride = out.stride();
      weight->run(operands.rows(), m, epilogue, pool);
      EXPECT_TRUE(out.intact());
      std::vector<int32_t> thresholds(n);
      for (int64_t j = 0; j < n; ++j) thresholds[j] = static_cast<int32_t>(j % 7 - 3);
      const int64_t words = (n + 63) / 64;
      Guarded<uint64_t> bits(m, words, words + 1);
      weight->run_signs(operands.rows(), m, thresholds.data(), {bits.data(), bits.stride()}, pool);
      EXPECT_TRUE(bits.intact());
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < words * 64; ++j) {
          const bool bit = (bits.at(i, j / 64) >> j % 64 & 1) != 0;
          if (j >= n) {
            ASSERT_FALSE(bit) << "behind the features";
            continue;
          }
          const int32_t sum = operands.sum(i, j);
          ASSERT_EQ(bit, sum >= thresholds[j]) << i << ' ' << j;
          const float scaled = static_cast<float>(sum) * operands.scales[j];
          ASSERT_EQ(out.at(i, j), scaled + operands.bias[j]) << i << ' ' << j;
        }
      }
    }
  }
}

TEST_P(BinaryLinear, otherRowsMeetTheDefinition) {
  for (const int64_t group : {16, 32, 1 << 20}) {
    for (const int64_t m : {1, 5, 17}) {
      const Shape shape{m, 37, 99};
      const auto [rows, n, k] = shape;
      BinaryOperands operands(shape, group);
      const auto weight = pack_binary_weight(GetParam(), operands.source);
      Random random;
      const std::vector<float> x = random.reals(m * k);
      Rows codes(m, k, true);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t l = 0; l < k; ++l)
          codes.code(i, l) = static_cast<uint8_t>(random.integer(0, 255));
        codes.scales()[i] = 0.02f;
        codes.zero_points()[i] = 120;
      }
      std::vector<float> of_floats(m * n), of_codes(m * n);
      Epilogue epilogue;
      epilogue.out = of_floats.data();
      epilogue.out_stride = n;
      weight->run(x.data(), k, m, epilogue, serial_executor());
      epilogue.out = of_codes.data();
      weight->run(codes.view(), m, epilogue, serial_executor());
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double floats = 0, integers = 0;
          for (int64_t l = 0; l < k; ++l) {
            const int64_t index = operands.source.group_of(l) * n + j;
            const double w = operands.w(l, j) * double{operands.scales[index]};
            floats += x[i * k + l] * w;
            integers += 0.02f * (codes.code(i, l) - 120) * w;
          }
          ASSERT_NEAR(of_floats[i * n + j], floats, 1e-4) << group << ' ' << i << ' ' << j;
          ASSERT_NEAR(of_codes[i * n + j], integers, 1e-3) << group << ' ' << i << ' ' << j;
        }
      }
    }
  }
}

TEST_P(BinaryLinear, whatCannotBeIsRefused) {
  BinaryOperands operands({2, 4, 64}, 32);
  const auto grouped = pack_binary_weight(GetParam(), operands.source);
  Epilogue epilogue;
  EXPECT_THROW(grouped->run(operands.rows(), 2, epilogue, serial_executor()), Error);
  const std::vector<float> values(8);
  const auto floats = pack_float_weight(GetParam(), DMT_F32, values.data(), 2, 4, 4, 1);
  EXPECT_THROW(floats->run(operands.rows(), 2, epilogue, serial_executor()), Error);
}

}  // namespace
}  // namespace demitasse::testing
