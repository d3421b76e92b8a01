// Loops over arrays for AVX2. Tails are scalar.
#include <immintrin.h>

#include "gemm/micro_kernel.h"

namespace demitasse {
namespace {

inline __m128i load8(const uint16_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

void widen_f16_f32(const uint16_t* from, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(load8(from + i)));
  for (; i < count; ++i) to[i] = _cvtsh_ss(from[i]);
}

void widen_bf16_f32(const uint16_t* from, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(load8(from + i)), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), wide);
  }
  for (; i < count; ++i) {
    const uint32_t bits = uint32_t{from[i]} << 16;
    __builtin_memcpy(to + i, &bits, 4);
  }
}

// [k/2][width][2] to [k][width]: a vector holds 8 columns of 2 codes, widened to s16.
void widen_s8_panel(const int8_t* panel, int64_t steps, int width, const int32_t* zero_points,
                    float* to) {
  for (int64_t step = 0; step < steps; ++step) {
    for (int column = 0; column < width; column += 8) {
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + (step * width + column) * 2));
      const __m256i pairs = _mm256_cvtepi8_epi16(bytes);
      const __m256i zw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(zero_points + column));
      const __m256i first = _mm256_srai_epi32(_mm256_slli_epi32(pairs, 16), 16);
      const __m256i second = _mm256_srai_epi32(pairs, 16);
      float* out = to + step * 2 * width + column;
      _mm256_storeu_ps(out, _mm256_cvtepi32_ps(_mm256_sub_epi32(first, zw)));
      _mm256_storeu_ps(out + width, _mm256_cvtepi32_ps(_mm256_sub_epi32(second, zw)));
    }
  }
}

void add(const float* a, const float* b, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
  }
  for (; i < count; ++i) to[i] = a[i] + b[i];
}

// Eight columns of eight consecutive k (rows of the source) to eight rows of the panel.
void transpose_8x8(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m256 r[8], s[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * from_stride);
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

void pack_rows(const float* b, int64_t k_stride, int64_t k, int64_t columns, int width, float* to) {
  for (int64_t i = 0; i < k; ++i) {
    const float* from = b + i * k_stride;
    float* row = to + i * width;
    int64_t n = 0;
    for (; n + 8 <= columns; n += 8) _mm256_storeu_ps(row + n, _mm256_loadu_ps(from + n));
    for (; n < columns; ++n) row[n] = from[n];
    for (; n < width; ++n) row[n] = 0;
  }
}

void pack_scattered(const float* b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t first,
                    int64_t columns, int width, float* to) {
  for (int64_t i = 0; i < k; ++i) {
    float* row = to + i * width;
    for (int64_t n = first; n < columns; ++n) row[n] = b[i * k_stride + n * n_stride];
    for (int64_t n = columns; n < width; ++n) row[n] = 0;
  }
}

}  // namespace

void pack_f32_panel_avx2(const float* b, int64_t k_stride, int64_t n_stride, int64_t k,
                         int64_t columns, int width, float* to) {
  if (n_stride == 1) return pack_rows(b, k_stride, k, columns, width, to);
  if (k_stride != 1) return pack_scattered(b, k_stride, n_stride, k, 0, columns, width, to);
  const int64_t whole_columns = columns / 8 * 8;
  const int64_t whole_k = k / 8 * 8;
  for (int64_t n = 0; n < whole_columns; n += 8) {
    for (int64_t i = 0; i < whole_k; i += 8) {
      transpose_8x8(b + n * n_stride + i, n_stride, to + i * width + n, width);
    }
  }
  pack_scattered(b + whole_k, 1, n_stride, k - whole_k, 0, columns, width, to + whole_k * width);
  pack_scattered(b, 1, n_stride, whole_k, whole_columns, columns, width, to);
}

extern const ArrayKernels array_kernels_avx2 = {
    .widen_f16_f32 = widen_f16_f32,
    .widen_bf16_f32 = widen_bf16_f32,
    .widen_s8_panel = widen_s8_panel,
    .add = add,
};

}  // namespace demitasse
