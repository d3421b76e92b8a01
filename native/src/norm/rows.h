// Operations on the rows of a matrix: normalization, softmax, quantization, activation functions.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "gemm/linear.h"

namespace demitasse {

struct LayerNorm {
  const float* x = nullptr;         // [rows][features]
  const float* residual = nullptr;  // or NULL
  const float* gamma = nullptr;     // [features]
  const float* beta = nullptr;      // [features] or NULL
  int64_t features = 0;
  float epsilon = 1e-5f;
  bool rms = false;
  float* sum = nullptr;  // x + residual, or NULL
  float* y = nullptr;    // or NULL
  Requantize requantize = Requantize::none;
  QuantizedRows quantized = {};  // quantized y
};

void layer_norm(Isa isa, const LayerNorm& norm, int64_t rows, const Executor& executor);

// Per row: scale and zero point over [min(row, 0), max(row, 0)] (dynamic_row), or the given ones;
// then codes, rounded half to even. NaN gives code = zero point; infinities saturate. A row of
// zeros has scale 1 and zero point 0.
void quantize_rows(Isa isa, const float* x, int64_t x_stride, int64_t features, int64_t rows,
                   Requantize mode, const QuantizedRows& q, const Executor& executor);

// Parameters over the whole matrix, as ONNX DynamicQuantizeLinear.
void quantize_tensor(Isa isa, const float* x, int64_t features, int64_t rows,
                     const QuantizedRows& q, const Executor& executor);

// Softmax over the last dimension; y may be x.
void softmax_rows(Isa isa, const float* x, float* y, int64_t features, int64_t rows,
                  const Executor& executor);

// y = activation(x), n elements; y may be x.
void activate(Isa isa, dmt_activation activation, const float* x, float* y, int64_t n);

}  // namespace demitasse
