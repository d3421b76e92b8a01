// Plain loops over arrays for AVX-512. Tails are masked.
#include <immintrin.h>

#include "gemm/micro_kernel.h"

namespace demitasse {
namespace {

inline __mmask16 lanes(int64_t count) {
  return count >= 16 ? 0xffff : static_cast<__mmask16>((1u << count) - 1);
}

void widen_f16_f32(const uint16_t* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = lanes(count - i);
    _mm512_mask_storeu_ps(to + i, mask, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from + i)));
  }
}

void widen_bf16_f32(const uint16_t* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = lanes(count - i);
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + i));
    _mm512_mask_storeu_epi32(to + i, mask, _mm512_slli_epi32(wide, 16));
  }
}

// [k/4][width][4] to [k][width]: a vector holds 16 columns of 4 codes, one code per shift.
void widen_s8_panel(const int8_t* panel, int64_t steps, int width, const int32_t* zero_points,
                    float* to) {
  for (int64_t step = 0; step < steps; ++step) {
    for (int column = 0; column < width; column += 16) {
      const __m512i codes = _mm512_loadu_si512(panel + (step * width + column) * 4);
      const __m512i zw = _mm512_loadu_si512(zero_points + column);
      float* out = to + step * 4 * width + column;
      const auto store = [&](__m512i code, int k) {
        _mm512_storeu_ps(out + k * width, _mm512_cvtepi32_ps(_mm512_sub_epi32(code, zw)));
      };
      store(_mm512_srai_epi32(_mm512_slli_epi32(codes, 24), 24), 0);
      store(_mm512_srai_epi32(_mm512_slli_epi32(codes, 16), 24), 1);
      store(_mm512_srai_epi32(_mm512_slli_epi32(codes, 8), 24), 2);
      store(_mm512_srai_epi32(codes, 24), 3);
    }
  }
}

void add(const float* a, const float* b, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = lanes(count - i);
    _mm512_mask_storeu_ps(
        to + i, mask,
        _mm512_add_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i)));
  }
}

}  // namespace

extern const ArrayKernels array_kernels_avx512 = {
    .widen_f16_f32 = widen_f16_f32,
    .widen_bf16_f32 = widen_bf16_f32,
    .widen_s8_panel = widen_s8_panel,
    .add = add,
};

}  // namespace demitasse
