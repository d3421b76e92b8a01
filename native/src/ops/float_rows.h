// Element-wise f32 loops, compiled once per instruction set level. All levels give equal results,
// each element going through the same IEEE operations, but for exp and erf: these are the C
// library's on the scalar level and those of core/vector_math.inl on the others.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace demitasse {

enum class FloatUnary {
  abs,
  neg,
  sign,
  sqrt,
  reciprocal,
  floor,
  ceil,
  round,
  relu,
  leaky_relu,
  thresholded_relu,
  clip,
  hard_sigmoid,
  hard_swish,
  softsign,
  exp,
  erf,
  count
};

enum class FloatBinary { add, sub, mul, div, max, min, prelu, count };

// y[i] = f(x[i]) with the function's parameters p and q; y may be x.
using FloatUnaryRow = void (*)(const float* x, float* y, int64_t n, float p, float q);

// y[i] = f(a[i * a_step], b[i * b_step]), steps 0 or 1; y may be a.
using FloatBinaryRow = void (*)(const float* a, int64_t a_step, const float* b, int64_t b_step,
                                float* y, int64_t n);

struct FloatRows {
  FloatUnaryRow unary[static_cast<int>(FloatUnary::count)];
  FloatBinaryRow binary[static_cast<int>(FloatBinary::count)];

  FloatUnaryRow operator[](FloatUnary function) const { return unary[static_cast<int>(function)]; }
  FloatBinaryRow operator[](FloatBinary function) const {
    return binary[static_cast<int>(function)];
  }
};

extern const FloatRows float_rows_scalar;
extern const FloatRows float_rows_avx2;
extern const FloatRows float_rows_avx512;

const FloatRows& float_rows(Isa isa);

}  // namespace demitasse
