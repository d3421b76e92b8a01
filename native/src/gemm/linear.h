// The linear operator: packed weight x activations -> epilogue. Everything else in gemm/ serves
// this.
#pragma once

#include <cstdint>
#include <memory>

#include "cpu/isa.h"
#include "demitasse/types.h"
#include "threads/executor.h"

namespace demitasse {

// u8 codes of a [rows][features] matrix: x = scale * (code - zero_point), per row or per tensor.
struct QuantizedRows {
  uint8_t* codes = nullptr;
  int64_t stride =
      0;  // bytes between rows: features rounded up to 64; the tail's content is unspecified
  float* scales = nullptr;         // [rows] or [1]
  int32_t* zero_points = nullptr;  // [rows] or [1]
  int64_t parameter_step = 0;      // 1: parameters per row, 0: one for the tensor
};

enum class Requantize { none, dynamic_row, given };  // given: scales[0], zero_points[0] are set

// What happens to a tile while it is in registers or L1:  activation(acc + bias) + residual, then
// stored.
struct Epilogue {
  const float* bias = nullptr;  // [n]
  dmt_activation activation = DMT_ACTIVATION_NONE;
  const float* residual = nullptr;
  int64_t residual_stride = 0;  // floats between rows
  float* out = nullptr;         // f32 result, [rows][out_stride]
  int64_t out_stride = 0;
  int64_t head_dim = 0;  // > 0: out is [n / head_dim][rows][head_dim]
  Requantize requantize = Requantize::none;
  QuantizedRows quantized;  // u8 result, instead of out
};

// Rows of signs, one bit each: 1 is +1, 0 is -1. Bits of a row's last word behind the features are
// 0.
struct BitRows {
  uint64_t* words = nullptr;
  int64_t stride = 0;  // words between rows, at least features / 64, rounded up
};

// An immutable packed weight, made for one instruction set level. Adding an encoding is adding a
// subclass.
class Weight {
 public:
  virtual ~Weight() = default;
  virtual int64_t k() const = 0;
  virtual int64_t n() const = 0;
  virtual int64_t bytes() const = 0;

  // y = epilogue(x * w) for f32 x of `rows` rows with `x_stride` floats between them.
  virtual void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
                   const Executor& executor) const = 0;

  // The same for quantized x; integer weights only, others fail with DMT_UNSUPPORTED.
  virtual void run(const QuantizedRows& x, int64_t rows, const Epilogue& epilogue,
                   const Executor& executor) const = 0;

  // Whether the next two work.
  virtual bool takes_signs() const { return false; }

  // The same for signs; binary weights of one group only, others fail with DMT_UNSUPPORTED.
  virtual void run(const BitRows& x, int64_t rows, const Epilogue& epilogue,
                   const Executor& executor) const;

  // Signs of x * w against thresholds:  bit n of out row m is 1 where sum(x w) >= thresholds[n], an
  // integer between -k and k + 1; a layer's scale, bias, normalization and sign fold into that.
  virtual void run_signs(const BitRows& x, int64_t rows, const int32_t* thresholds,
                         const BitRows& out, const Executor& executor) const;
};

// Element (k, n) of the source is source[k * k_stride + n * n_stride].
std::unique_ptr<Weight> pack_float_weight(Isa isa, int32_t dtype, const void* source, int64_t k,
                                          int64_t n, int64_t k_stride, int64_t n_stride);

std::unique_ptr<Weight> pack_int8_weight(Isa isa, int32_t dtype, const void* source, int64_t k,
                                         int64_t n, int64_t k_stride, int64_t n_stride,
                                         const float* scales, const int32_t* zero_points,
                                         int64_t scale_count);

// Weights with a scale, and perhaps a zero point, for each group of k. Parameters are those of
// GroupedSource in source.h.
std::unique_ptr<Weight> pack_grouped_weight(Isa isa, const struct GroupedSource& source);

// Signs with a scale per group; dtype is kSigns.
std::unique_ptr<Weight> pack_binary_weight(Isa isa, const struct GroupedSource& source);

// C = A B for two run-time matrices (attention scores, MatMul of two activations): [m][k] x [k][n],
// f32. B is read at b[k * b_k_stride + n * b_n_stride].
void matmul_f32(Isa isa, const float* a, int64_t a_stride, const float* b, int64_t b_k_stride,
                int64_t b_n_stride, float* c, int64_t c_stride, int64_t m, int64_t k, int64_t n,
                const Executor& executor);

}  // namespace demitasse
