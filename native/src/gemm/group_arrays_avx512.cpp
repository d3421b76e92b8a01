// Panels of weights in groups, unpacked for AVX-512.
#include <immintrin.h>

#include "gemm/micro_kernel.h"

namespace demitasse {
namespace {

// To [k/4][width][4] of s8: the low halves of a vector are one step of k, the high halves the next.
void unpack(const uint8_t* codes, int64_t steps, int width, const int8_t* levels,
            const int8_t* zero_points, void* to) {
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  const __m512i half = _mm512_set1_epi8(0x0f), ones = _mm512_set1_epi32(0x01010101);
  auto* const out = static_cast<uint8_t*>(to);
  const int64_t line = width * 4;
  for (int column = 0; column < width; column += 16) {
    __m512i zw = _mm512_setzero_si512();
    if (zero_points != nullptr) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(zero_points + column));
      zw = _mm512_mullo_epi32(_mm512_cvtepu8_epi32(bytes), ones);
    }
    const uint8_t* from = codes + column * 4;
    uint8_t* low = out + column * 4;
    for (int64_t step = 0; step < steps; ++step) {
      const __m512i both = _mm512_loadu_si512(from);
      const __m512i first = _mm512_shuffle_epi8(table, _mm512_and_si512(both, half));
      const __m512i second =
          _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(both, 4), half));
      _mm512_storeu_si512(low, _mm512_sub_epi8(first, zw));
      _mm512_storeu_si512(low + line, _mm512_sub_epi8(second, zw));
      from += line;
      low += 2 * line;
    }
  }
}

void unpack_f32(const uint8_t* codes, int64_t steps, int width, const float* levels,
                const float* zero_points, const float* scales, float* to) {
  const __m512 table = _mm512_loadu_ps(levels);
  for (int column = 0; column < width; column += 16) {
    const __m512 zw = _mm512_loadu_ps(zero_points + column);
    const __m512 scale = _mm512_loadu_ps(scales + column);
    for (int64_t step = 0; step < steps; ++step) {
      const __m512i both = _mm512_loadu_si512(codes + (step * width + column) * 4);
      float* const out = to + step * 8 * width + column;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        // The permutation reads the low four bits of a lane only.
        const __m512 low = _mm512_permutexvar_ps(_mm512_srli_epi32(both, 8 * i), table);
        const __m512 high = _mm512_permutexvar_ps(_mm512_srli_epi32(both, 8 * i + 4), table);
        _mm512_storeu_ps(out + i * width, _mm512_mul_ps(_mm512_sub_ps(low, zw), scale));
        _mm512_storeu_ps(out + (i + 4) * width, _mm512_mul_ps(_mm512_sub_ps(high, zw), scale));
      }
    }
  }
}

void scale_rows(float* values, int64_t rows, int width, const float* scales) {
  for (int column = 0; column < width; column += 16) {
    const __m512 scale = _mm512_loadu_ps(scales + column);
    for (int64_t row = 0; row < rows; ++row) {
      float* const value = values + row * width + column;
      _mm512_storeu_ps(value, _mm512_mul_ps(_mm512_loadu_ps(value), scale));
    }
  }
}

}  // namespace

extern const GroupArrays group_arrays_avx512 = {
    .unpack = unpack, .widen = nullptr, .unpack_f32 = unpack_f32, .scale_rows = scale_rows};

}  // namespace demitasse
