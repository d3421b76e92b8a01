// The embedding and pooling kernels of one instruction set level, each on one row of n numbers.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace demitasse {

struct EmbeddingKernels {
  // y = (accumulate ? y : 0) + scale * (x - zero_point); dtype is a dmt_dtype; scale and zero_point
  // matter for s8 and u8.
  void (*lookup)(int32_t dtype, const void* x, float scale, int32_t zero_point, bool accumulate,
                 float* y, int64_t n);
  void (*add_scaled)(float weight, const float* x, float* y, int64_t n);  // y += weight * x
  void (*maximum)(const float* x, float* y, int64_t n);  // y = max(y, x); NaN stays NaN
  void (*divide)(float divisor, float* y, int64_t n);    // y /= divisor
  float (*norm)(const float* x, int64_t n);              // sqrt(sum of squares)
};

extern const EmbeddingKernels embedding_kernels_scalar;
extern const EmbeddingKernels embedding_kernels_avx2;
extern const EmbeddingKernels embedding_kernels_avx512;

const EmbeddingKernels& embedding_kernels(Isa isa);

}  // namespace demitasse
