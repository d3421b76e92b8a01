// Views of unpacked weights in the caller's layout: element (k, n) is at
// data[k * k_stride + n * n_stride].
#pragma once

#include <cstdint>

#include "core/float16.h"
#include "demitasse/types.h"

namespace demitasse {

struct FloatSource {
  int32_t dtype = DMT_F32;  // DMT_F32, DMT_F16 or DMT_BF16
  const void* data = nullptr;
  int64_t k = 0, n = 0;
  int64_t k_stride = 0, n_stride = 0;

  float at(int64_t row, int64_t column) const {
    const int64_t index = row * k_stride + column * n_stride;
    if (dtype == DMT_F32) return static_cast<const float*>(data)[index];
    const uint16_t bits = static_cast<const uint16_t*>(data)[index];
    return dtype == DMT_F16 ? f16_to_f32(bits) : bf16_to_f32(bits);
  }
  uint16_t bits_at(int64_t row, int64_t column) const {
    return static_cast<const uint16_t*>(data)[row * k_stride + column * n_stride];
  }
};

// w = scale * (code - zero_point). Unsigned codes are read as signed ones: code - 128 with zero
// point - 128 is the same number.
struct Int8Source {
  int32_t dtype = DMT_S8;  // DMT_S8 or DMT_U8
  const void* data = nullptr;
  int64_t k = 0, n = 0;
  int64_t k_stride = 0, n_stride = 0;
  const float* scales = nullptr;
  const int32_t* zero_points = nullptr;  // NULL: zero in the range of dtype
  int64_t scale_count = 1;               // 1 or n

  int8_t at(int64_t row, int64_t column) const {
    const uint8_t bits = static_cast<const uint8_t*>(data)[row * k_stride + column * n_stride];
    return static_cast<int8_t>(dtype == DMT_U8 ? bits ^ 0x80 : bits);
  }
  float scale(int64_t column) const { return scales[scale_count == 1 ? 0 : column]; }
  int32_t zero_point(int64_t column) const {
    const int32_t value = zero_points ? zero_points[scale_count == 1 ? 0 : column] : 0;
    return dtype == DMT_U8 ? value - 128 : value;
  }
};

}  // namespace demitasse
