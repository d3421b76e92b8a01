#include "recurrent/activation.h"

#include "norm/rows.h"
#include "ops/float_rows.h"

namespace demitasse {
namespace {

template <class Function>
void each(float* values, int64_t n, Function&& function) {
  for (int64_t i = 0; i < n; ++i) values[i] = function(values[i]);
}

float elu(float x, float alpha) { return x < 0 ? alpha * (std::exp(x) - 1) : x; }

float softplus(float x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

}  // namespace

void apply(Isa isa, const RecurrentActivation& activation, float* values, int64_t n) {
  const float alpha = activation.alpha, beta = activation.beta;
  const FloatRows& rows = float_rows(isa);
  if (activation.clip < INFINITY) {
    rows[FloatUnary::clip](values, values, n, -activation.clip, activation.clip);
  }
  switch (activation.function) {
    case RecurrentFunction::tanh:
      return activate(isa, DMT_ACTIVATION_TANH, values, values, n);
    case RecurrentFunction::sigmoid:
      return activate(isa, DMT_ACTIVATION_SIGMOID, values, values, n);
    case RecurrentFunction::relu:
      return rows[FloatUnary::relu](values, values, n, 0, 0);
    case RecurrentFunction::affine:
      return each(values, n, [=](float x) { return alpha * x + beta; });
    case RecurrentFunction::leaky_relu:
      return rows[FloatUnary::leaky_relu](values, values, n, alpha, 0);
    case RecurrentFunction::thresholded_relu:
      return rows[FloatUnary::thresholded_relu](values, values, n, alpha, 0);
    case RecurrentFunction::scaled_tanh:
      each(values, n, [=](float x) { return beta * x; });
      activate(isa, DMT_ACTIVATION_TANH, values, values, n);
      return each(values, n, [=](float x) { return alpha * x; });
    case RecurrentFunction::hard_sigmoid:
      return rows[FloatUnary::hard_sigmoid](values, values, n, alpha, beta);
    case RecurrentFunction::elu:
      return each(values, n, [=](float x) { return elu(x, alpha); });
    case RecurrentFunction::softsign:
      return rows[FloatUnary::softsign](values, values, n, 0, 0);
    default:
      return each(values, n, softplus);
  }
}

}  // namespace demitasse
