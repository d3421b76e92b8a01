// Exact products of 8-bit integers with zero points, and what follows them.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// inputs: a, b, zero point of a (one or per row), zero point of b (one or per column).
void matmul_integer(const OperatorCall& call);

// inputs: a, scale, zero point, b, scale, zero point, scale and zero point of the result.
void qlinear_matmul(const OperatorCall& call);

// inputs: a, b, scale of a, scale of b, zero point of a, zero point of b, bias.
void matmul_integer_to_float(const OperatorCall& call);

// inputs: a (f32), b, scale of b, zero point of b, bias.
void dynamic_quantize_matmul(const OperatorCall& call);

}  // namespace demitasse
