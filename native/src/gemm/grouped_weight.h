// Weights in groups, for the vector levels.
#pragma once

#include <memory>

#include "gemm/linear.h"
#include "gemm/source.h"

namespace demitasse {

// Panel p, columns p * NR ..:
//   codes of 2 and 4 bits   [k / 8][width][4]: byte i of a column holds code k = i in its low half
//                           and k = 4 + i in its high half; k padded with codes for zero
//   codes of 8 bits         [k / kr][width][kr] of s8, as in packed_weight.h
//   scales, zero points     [segments][width]
std::unique_ptr<Weight> pack_groups(Isa isa, const GroupedSource& source);

}  // namespace demitasse
