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

// GroupedSource::dtype of single bits: 1 is +1, 0 is -1. ONNX has no such type.
constexpr int32_t kSigns = -1;

// w = scale * (code - zero_point), or scale * codebook[code]; scale and zero point are those of the
// group of `group` consecutive k that holds the element.
struct GroupedSource {
  int32_t dtype = DMT_S4;  // DMT_U2, DMT_S2, DMT_U4, DMT_S4, DMT_U8, DMT_S8, kSigns
  const void* data = nullptr;
  int64_t k = 0, n = 0;
  int64_t k_stride = 0, n_stride = 0;    // in elements
  int64_t group = 0;                     // k or more: one group
  int32_t scale_dtype = DMT_F32;         // DMT_F32 or DMT_F16
  const void* scales = nullptr;          // [groups][n]
  const int32_t* zero_points = nullptr;  // [groups][n]; NULL: zero
  const float* codebook = nullptr;       // 16 values by code, for DMT_U4 without zero points

  int64_t groups() const { return group >= k ? 1 : (k + group - 1) / group; }
  int64_t group_of(int64_t row) const { return group >= k ? 0 : row / group; }
  int bits() const {
    if (dtype == kSigns) return 1;
    return dtype == DMT_U8 || dtype == DMT_S8 ? 8 : dtype == DMT_U4 || dtype == DMT_S4 ? 4 : 2;
  }
  bool is_signed() const { return dtype == DMT_S8 || dtype == DMT_S4 || dtype == DMT_S2; }

  // -1 or +1 for kSigns.
  int32_t code(int64_t row, int64_t column) const {
    const int64_t index = row * k_stride + column * n_stride;
    const int width = bits(), per_byte = 8 / width;
    const uint8_t byte = static_cast<const uint8_t*>(data)[index / per_byte];
    const int32_t code = byte >> index % per_byte * width & ((1 << width) - 1);
    if (dtype == kSigns) return 2 * code - 1;
    const int32_t sign = 1 << (width - 1);
    return is_signed() ? (code ^ sign) - sign : code;
  }
  float scale(int64_t index) const {
    return scale_dtype == DMT_F32 ? static_cast<const float*>(scales)[index]
                                  : f16_to_f32(static_cast<const uint16_t*>(scales)[index]);
  }
  int32_t zero_point(int64_t index) const {
    return zero_points == nullptr ? 0 : zero_points[index];
  }
};

}  // namespace demitasse
