// Weights of the vector levels: packed into panels for a micro-kernel.
#pragma once

#include <memory>

#include "gemm/linear.h"
#include "gemm/source.h"

namespace demitasse {

// Panel p, columns p * NR ..:  [k][width], in the source's type.
std::unique_ptr<Weight> pack_panels(Isa isa, const FloatSource& source);

// Panel p:  [k / kr][width][kr] of s8; k is padded with zeros to a multiple of kr, so that what x
// holds there does not matter. Columns that do not exist have zero codes, scale and zero point.
std::unique_ptr<Weight> pack_panels(Isa isa, const Int8Source& source);

}  // namespace demitasse
