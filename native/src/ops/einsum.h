// Einstein summation.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// integers: a label (0 .. 31) for each dimension of the output, then of each input. Dimensions of
// one label have one size, or 1 and are repeated; labels that the output lacks are summed over.
void einsum(const OperatorCall& call);

}  // namespace demitasse
