// The meaning of the linear operator in plain loops. The packed kernels are tested against these
// functions; the scalar instruction set level runs them.
#pragma once

#include <cstdint>

#include "gemm/linear.h"

namespace demitasse {

// accumulators[m][n] = sum_k (x[m][k] - zx[m]) * (w[k][n] - zw[n]), exact.
// x: `rows` rows of k codes; w: [k][n]; zw: [n].
void reference_multiply_u8s8(const QuantizedRows& x, int64_t rows, int64_t k, int64_t n,
                             const int8_t* w, const int32_t* zw, int32_t* accumulators);

// y[m][n] = accumulators[m][n] * (x.scale[m] * w_scales[n]), every operation rounded to f32.
void reference_dequantize(const QuantizedRows& x, int64_t rows, int64_t n,
                          const int32_t* accumulators, const float* w_scales, float* y);

// Rows times a grouped weight with the integer values w ([k][n]: code - zero point, or the
// codebook's entry as s8). Within a segment of `segment` values of k sums are exact:
//   d(s) = sum over k in s of cx[m][k] * w[k][n],   e(s) = sum over k in s of w[k][n]
// and across segments, ascending, each step one fused multiply-add:
//   f = d(s) * scales[s][n] + f,   offset = e(s) * scales[s][n] + offset
//   y[m][n] = (f - zx[m] * offset) * (x.scale[m] * step)
// scales: [segments][n]; step: of a codebook's levels, else 1.
void reference_multiply_grouped(const QuantizedRows& x, int64_t rows, int64_t k, int64_t n,
                                const int16_t* w, int64_t segment, const float* scales, float step,
                                float* y);

// y[m][n] = sum_k x[m][k] * w[k][n] in f32, k ascending.
void reference_multiply_f32(const float* x, int64_t x_stride, int64_t rows, int64_t k, int64_t n,
                            const float* w, float* y);

// The epilogue of rows first .. first + count - 1 of `rows`; y[count][n] is overwritten.
void reference_epilogue(Isa isa, float* y, int64_t first, int64_t count, int64_t rows, int64_t n,
                        const Epilogue& epilogue);

// The rows from `first` on.
QuantizedRows rows_from(const QuantizedRows& x, int64_t first);

}  // namespace demitasse
