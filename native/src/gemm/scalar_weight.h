// Weights of the scalar level: kept as [k][n] and multiplied by the reference loops.
#pragma once

#include <memory>

#include "gemm/linear.h"
#include "gemm/source.h"

namespace demitasse {

std::unique_ptr<Weight> pack_scalar_weight(const FloatSource& source);
std::unique_ptr<Weight> pack_scalar_weight(const Int8Source& source);
std::unique_ptr<Weight> pack_scalar_weight(const GroupedSource& source);

}  // namespace demitasse
