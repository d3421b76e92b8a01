// Padding and cropping.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// integers: mode (0 constant, 1 reflect, 2 edge, 3 wrap), then the elements added in front of each
// axis; negative ones are cropped. The output's shape says what is added or cropped at the ends.
// The constant is input 1 if present, else floats[0].
void pad(const OperatorCall& call);

}  // namespace demitasse
