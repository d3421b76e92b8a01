// Resampling along the axes of a tensor.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// inputs: x; integers: method (0 nearest, 1 linear, 2 cubic), coordinates, rounding of the nearest
// (0 half down, 1 half up, 2 down, 3 up), 1: weights outside are left out, 1: antialiased; floats:
// the cubic coefficient, the value outside (of coordinates 6), then for each axis its scale, for
// each the begin and for each the end of the region, in shares of the axis.
//
// Coordinates of x for those of y, with a scale s: 0 half pixel: (y + 0.5) / s - 0.5; 1 symmetric
// half pixel; 2 PyTorch's half pixel: 0 for one element; 3 corners aligned; 4 asymmetric: y / s;
// 6 the region's, as TensorFlow's crop_and_resize.
void resize(const OperatorCall& call);

}  // namespace demitasse
