// The row kernels of one instruction set level, each on the calling thread.
#pragma once

#include <cstdint>

#include "norm/rows.h"

namespace demitasse {

constexpr int64_t kLayerNormRows = 4;  // that a kernel may work on at a time

struct RowKernels {
  // Rows begin .. end - 1. `scratch` holds kLayerNormRows * features floats.
  void (*layer_norm)(const LayerNorm& norm, int64_t begin, int64_t end, float* scratch);
  // Widens [*low, *high] to the values of x; NaN is passed over.
  void (*range)(const float* x, int64_t n, float* low, float* high);
  // As quantize() of quantize/parameters.h, n times.
  void (*codes)(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t* codes);
  void (*softmax)(const float* x, float* y, int64_t features);  // one row
  void (*activate)(dmt_activation activation, const float* x, float* y, int64_t n);
};

extern const RowKernels row_kernels_scalar;
extern const RowKernels row_kernels_avx2;
extern const RowKernels row_kernels_avx512;

const RowKernels& row_kernels(Isa isa);

}  // namespace demitasse
