// The functions that recurrent layers apply to their gates.
#pragma once

#include <cmath>
#include <cstdint>

#include "cpu/isa.h"

namespace demitasse {

// Numbered as the attributes of the operators are (ops/README.md).
enum class RecurrentFunction : int32_t {
  tanh = 0,
  sigmoid = 1,
  relu = 2,
  affine = 3,
  leaky_relu = 4,
  thresholded_relu = 5,
  scaled_tanh = 6,
  hard_sigmoid = 7,
  elu = 8,
  softsign = 9,
  softplus = 10,
  count
};

struct RecurrentActivation {
  RecurrentFunction function = RecurrentFunction::tanh;
  float alpha = 0, beta = 0;
  float clip = INFINITY;  // of the argument
};

// values[i] = f(min(clip, max(-clip, values[i]))).
void apply(Isa isa, const RecurrentActivation& activation, float* values, int64_t n);

}  // namespace demitasse
