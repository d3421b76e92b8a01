// What the tiles for weights in groups share. Included by micro-kernels only, as tile_loop.h.
#pragma once

#include <immintrin.h>

#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

// The end of a tile: y = (sum - zero point of the row * offset of the column) * (scale of the row *
// step of the levels) + bias. Column by column: what belongs to a column stays in registers over
// the rows.
#if defined(__AVX512F__)

// The scales of NV vectors of columns from `scales` on, as PanelCall::stored_scales.
template <int NV>
ALWAYS_INLINE void load_scales(const char* scales, bool half, __m512 (&to)[NV]) {
  if (half) {
    UNROLL for (int j = 0; j < NV; ++j) {
      to[j] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales) + j));
    }
  } else {
    UNROLL for (int j = 0; j < NV; ++j) to[j] = _mm512_loadu_ps(scales + 64 * j);
  }
}

template <int MR, int NV>
ALWAYS_INLINE void store_results(const PanelCall& call, int64_t row, const __m512 (&sums)[MR][NV]) {
  const float* row_scales = call.row_scales + row * call.row_parameter_step;
  const int32_t* row_zero_points = call.row_zero_points + row * call.row_parameter_step;
  const int64_t step = call.row_parameter_step;
  UNROLL for (int j = 0; j < NV; ++j) {
    const __m512 offsets = _mm512_loadu_ps(call.column_offsets + j * 16);
    const __m512 bias = _mm512_loadu_ps(call.bias + j * 16);
    float* out = call.out[j] + row * call.out_stride;
    UNROLL for (int i = 0; i < MR; ++i) {
      const __m512 zx = _mm512_set1_ps(static_cast<float>(row_zero_points[i * step]));
      const __m512 y = _mm512_mul_ps(_mm512_fnmadd_ps(zx, offsets, sums[i][j]),
                                     _mm512_set1_ps(row_scales[i * step] * call.level_step));
      _mm512_storeu_ps(out, _mm512_add_ps(y, bias));
      out += call.out_stride;
    }
  }
}

#else

// The scales of vector j of columns behind `scales`, as PanelCall::stored_scales.
ALWAYS_INLINE __m256 load_scale(const char* scales, bool half, int j) {
  if (half) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales) + j));
  }
  return _mm256_loadu_ps(reinterpret_cast<const float*>(scales) + 8 * j);
}

// sums: [MR][NV][8], in L1.
template <int MR, int NV>
ALWAYS_INLINE void store_results(const PanelCall& call, int64_t row, const float* sums) {
  const float* row_scales = call.row_scales + row * call.row_parameter_step;
  const int32_t* row_zero_points = call.row_zero_points + row * call.row_parameter_step;
  const int64_t step = call.row_parameter_step;
  UNROLL for (int j = 0; j < NV; ++j) {
    const __m256 offsets = _mm256_loadu_ps(call.column_offsets + j * 8);
    const __m256 bias = _mm256_loadu_ps(call.bias + j * 8);
    float* out = call.out[j] + row * call.out_stride;
    UNROLL for (int i = 0; i < MR; ++i) {
      const __m256 f = _mm256_load_ps(sums + (i * NV + j) * 8);
      const __m256 zx = _mm256_set1_ps(static_cast<float>(row_zero_points[i * step]));
      const __m256 y = _mm256_mul_ps(_mm256_fnmadd_ps(zx, offsets, f),
                                     _mm256_set1_ps(row_scales[i * step] * call.level_step));
      _mm256_storeu_ps(out, _mm256_add_ps(y, bias));
      out += call.out_stride;
    }
  }
}

#endif

}  // namespace
}  // namespace demitasse
