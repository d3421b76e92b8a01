// Copies of a tensor in which elements named by indices are replaced or combined.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// integers: reduction: 0 replace (the last duplicate wins), 1 add, 2 multiply, 3 max, 4 min; for
// ScatterElements the axis comes first. Inputs: data, indices, updates.
void scatter_elements(const OperatorCall& call);
void scatter_nd(const OperatorCall& call);

}  // namespace demitasse
