// Operations on the rows of a matrix: normalization, softmax, quantization, activation functions.
//
// The scalar level is the specification. On equal inputs the vector levels give its u8 codes,
// scales and zero points to the bit; their floats differ from it by at most 4e-6 (layer
// normalization) or 1e-6 (the others), relative to the larger of 1 and the value. A row's result
// depends on that row alone: not on the thread count, nor on how many rows there are. NaN in a row
// makes the whole row NaN in layer normalization and softmax.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "gemm/linear.h"

namespace demitasse {

// y = (s - mean(s)) / sqrt(var(s) + epsilon) * gamma + beta with s = x + residual, or with rms
// y = s / sqrt(mean(s^2) + epsilon) * gamma + beta. sum and y may be x or residual.
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
// then codes, rounded half to even. NaN gives code = zero point and does not count in the range;
// infinities saturate and count as +-2^126. A row of zeros has scale 1 and zero point 0. Nothing is
// written behind a row's last code.
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
