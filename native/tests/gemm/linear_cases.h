// What the tests of the linear operator share: operands, guarded outputs, executors, levels.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/aligned_buffer.h"
#include "gemm/linear.h"
#include "threads/pool.h"

namespace demitasse::testing {

inline std::vector<Isa> levels() {
  std::vector<Isa> all;
  for (int isa = 0; isa <= static_cast<int>(best_isa()); ++isa) all.push_back(Isa(isa));
  return all;
}

inline std::vector<Isa> vector_levels() {
  std::vector<Isa> all = levels();
  all.erase(all.begin());
  return all;
}

inline std::string level_name(const ::testing::TestParamInfo<Isa>& info) {
  return isa_name(info.param);
}

struct Shape {
  int64_t m, n, k;
};

// Every tile height, widths around a vector and a panel, depths around the packing's groups and
// the blocks of k.
inline std::vector<Shape> odd_shapes() {
  std::vector<Shape> shapes;
  for (int64_t m = 1; m <= 17; ++m) shapes.push_back({m, 48, 12});
  for (int64_t n = 1; n <= 49; ++n) shapes.push_back({3, n, 9});
  for (int64_t k = 1; k <= 9; ++k) shapes.push_back({5, 17, k});
  for (const Shape& shape : std::initializer_list<Shape>{{1, 1, 1},
                                                         {97, 101, 103},
                                                         {131, 53, 67},
                                                         {13, 97, 257},
                                                         {7, 50, 513},
                                                         {2, 33, 1031},
                                                         {11, 64, 4097},
                                                         {200, 16, 4}}) {
    shapes.push_back(shape);
  }
  return shapes;
}

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << "m " << shape.m << " n " << shape.n << " k " << shape.k;
}

// [rows][columns] with `stride` between rows; everything that is not an element, before, between
// and behind, must stay as it was.
template <class T>
class Guarded {
 public:
  Guarded(int64_t rows, int64_t columns, int64_t stride)
      : rows_(rows), columns_(columns), stride_(stride), bytes_(kMargin * 2 + rows * stride) {
    std::memset(static_cast<void*>(bytes_.data()), kPattern, bytes_.size() * sizeof(T));
  }
  T* data() { return bytes_.data() + kMargin; }
  T at(int64_t row, int64_t column) const { return bytes_[kMargin + row * stride_ + column]; }
  int64_t stride() const { return stride_; }

  bool intact() const {
    T pattern;
    std::memset(static_cast<void*>(&pattern), kPattern, sizeof(T));
    for (int64_t i = 0; i < static_cast<int64_t>(bytes_.size()); ++i) {
      const int64_t inside = i - kMargin;
      if (inside >= 0 && inside < rows_ * stride_ && inside % stride_ < columns_) continue;
      if (std::memcmp(&bytes_[i], &pattern, sizeof(T)) != 0) return false;
    }
    return true;
  }

 private:
  static constexpr int64_t kMargin = 64;
  static constexpr int kPattern = 0xa5;
  int64_t rows_, columns_, stride_;
  std::vector<T> bytes_;
};

// Quantized rows with their own memory; the tail of each row holds 0xff.
class Rows {
 public:
  Rows(int64_t rows, int64_t features, bool per_row)
      : features_(features),
        codes_(rows * stride(), 0xff),
        scales_(per_row ? rows : 1, 1.0f),
        zero_points_(per_row ? rows : 1, 0) {}
  QuantizedRows view() {
    return {codes_.data(), stride(), scales_.data(), zero_points_.data(), scales_.size() > 1};
  }
  int64_t stride() const { return (features_ + 63) / 64 * 64; }
  uint8_t& code(int64_t row, int64_t column) { return codes_[row * stride() + column]; }
  std::vector<float>& scales() { return scales_; }
  std::vector<int32_t>& zero_points() { return zero_points_; }

 private:
  int64_t features_;
  std::vector<uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<int32_t> zero_points_;
};

class Random {
 public:
  explicit Random(uint32_t seed = 1) : engine_(seed) {}
  int32_t integer(int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(engine_);
  }
  float real(float low = -1, float high = 1) {
    return std::uniform_real_distribution<float>(low, high)(engine_);
  }
  std::vector<float> reals(int64_t count, float low = -1, float high = 1) {
    std::vector<float> values(count);
    for (float& value : values) value = real(low, high);
    return values;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace demitasse::testing
