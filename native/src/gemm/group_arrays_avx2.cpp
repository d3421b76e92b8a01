// Panels of weights in groups, unpacked for AVX2.
#include <immintrin.h>

#include "gemm/micro_kernel.h"

namespace demitasse {
namespace {

// Bytes k0 k1 k2 k3 of each column to s16 pairs (k0, k1) and (k2, k3).
inline void store_pairs(__m256i bytes, __m256i zw, int16_t* first, int16_t* second) {
  const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);  // k0, k2
  const __m256i odd = _mm256_srai_epi16(bytes, 8);                         // k1, k3
  const __m256i pair01 = _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), 0xaa);
  const __m256i pair23 = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(first), _mm256_sub_epi16(pair01, zw));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(second), _mm256_sub_epi16(pair23, zw));
}

// To [k/2][width][2] of s16.
void unpack(const uint8_t* codes, int64_t steps, int width, const int8_t* levels,
            const int8_t* zero_points, void* to) {
  const __m256i table =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  const __m256i half = _mm256_set1_epi8(0x0f);
  auto* const out = static_cast<int16_t*>(to);
  const int64_t line = width * 2;  // s16 values of a pair of k
  for (int column = 0; column < width; column += 8) {
    __m256i zw = _mm256_setzero_si256();
    if (zero_points != nullptr) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(zero_points + column));
      zw = _mm256_mullo_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(0x00010001));
    }
    for (int64_t step = 0; step < steps; ++step) {
      const __m256i both =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + (step * width + column) * 4));
      const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(both, half));
      const __m256i high =
          _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(both, 4), half));
      int16_t* const pairs = out + step * 4 * line + column * 2;
      store_pairs(low, zw, pairs, pairs + line);
      store_pairs(high, zw, pairs + 2 * line, pairs + 3 * line);
    }
  }
}

void widen(const int8_t* codes, int64_t steps, int width, const int8_t* zero_points, int16_t* to) {
  for (int column = 0; column < width; column += 8) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(zero_points + column));
    const __m256i words = _mm256_cvtepi8_epi32(bytes);
    const __m256i zw = _mm256_blend_epi16(words, _mm256_slli_epi32(words, 16), 0xaa);
    for (int64_t step = 0; step < steps; ++step) {
      const int64_t at = (step * width + column) * 2;
      const __m256i pairs =
          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + at)));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at), _mm256_sub_epi16(pairs, zw));
    }
  }
}

// levels[code] of the low four bits of each lane.
inline __m256 look_up(__m256i codes, __m256 low_levels, __m256 high_levels) {
  const __m256 low = _mm256_permutevar8x32_ps(low_levels, codes);
  const __m256 high = _mm256_permutevar8x32_ps(high_levels, codes);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28)));
}

void unpack_f32(const uint8_t* codes, int64_t steps, int width, const float* levels,
                const float* zero_points, const float* scales, float* to) {
  const __m256 low_levels = _mm256_loadu_ps(levels), high_levels = _mm256_loadu_ps(levels + 8);
  for (int column = 0; column < width; column += 8) {
    const __m256 zw = _mm256_loadu_ps(zero_points + column);
    const __m256 scale = _mm256_loadu_ps(scales + column);
    for (int64_t step = 0; step < steps; ++step) {
      const __m256i both =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + (step * width + column) * 4));
      float* const out = to + step * 8 * width + column;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const __m256 low = look_up(_mm256_srli_epi32(both, 8 * i), low_levels, high_levels);
        const __m256 high = look_up(_mm256_srli_epi32(both, 8 * i + 4), low_levels, high_levels);
        _mm256_storeu_ps(out + i * width, _mm256_mul_ps(_mm256_sub_ps(low, zw), scale));
        _mm256_storeu_ps(out + (i + 4) * width, _mm256_mul_ps(_mm256_sub_ps(high, zw), scale));
      }
    }
  }
}

void scale_rows(float* values, int64_t rows, int width, const float* scales) {
  for (int column = 0; column < width; column += 8) {
    const __m256 scale = _mm256_loadu_ps(scales + column);
    for (int64_t row = 0; row < rows; ++row) {
      float* const value = values + row * width + column;
      _mm256_storeu_ps(value, _mm256_mul_ps(_mm256_loadu_ps(value), scale));
    }
  }
}

}  // namespace

extern const GroupArrays group_arrays_avx2 = {
    .unpack = unpack, .widen = widen, .unpack_f32 = unpack_f32, .scale_rows = scale_rows};

}  // namespace demitasse
