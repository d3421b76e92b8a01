// The loops behind float_rows.h; each float_rows_<isa>.cpp compiles them with its own flags.
#pragma once

#include "ops/float_rows.h"
#include "ops/simple_functions.h"

namespace demitasse {
namespace {

template <class Function>
void unary_row(const float* x, float* y, int64_t n, float p, float q) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = Function::template apply<float>(x[i], p, q);
}

// One loop for each way of stepping, so that each is vectorised.
template <class Function>
void binary_row(const float* a, int64_t a_step, const float* b, int64_t b_step, float* y,
                int64_t n) {
  if (a_step != 0 && b_step != 0) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = Function::template apply<float>(a[i], b[i]);
  } else if (a_step != 0) {
    const float right = *b;
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = Function::template apply<float>(a[i], right);
  } else if (b_step != 0) {
    const float left = *a;
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = Function::template apply<float>(left, b[i]);
  } else {
    const float value = Function::template apply<float>(*a, *b);
    for (int64_t i = 0; i < n; ++i) y[i] = value;
  }
}

// In the order of the enumerations.
constexpr FloatRows float_rows_with(FloatUnaryRow exp, FloatUnaryRow erf) {
  return {{unary_row<Abs>, unary_row<Neg>, unary_row<Sign>, unary_row<Sqrt>, unary_row<Reciprocal>,
           unary_row<Floor>, unary_row<Ceil>, unary_row<Round>, unary_row<Relu>,
           unary_row<LeakyRelu>, unary_row<ThresholdedRelu>, unary_row<Clip>,
           unary_row<HardSigmoid>, unary_row<HardSwish>, unary_row<Softsign>, exp, erf},
          {binary_row<FloatAdd>, binary_row<FloatSub>, binary_row<FloatMul>, binary_row<FloatDiv>,
           binary_row<FloatMax>, binary_row<FloatMin>, binary_row<FloatPRelu>}};
}

}  // namespace
}  // namespace demitasse
