// Weights of signs, with rows of signs, of INT8 and of floats.
#pragma once

#include <memory>

#include "gemm/linear.h"
#include "gemm/source.h"

namespace demitasse {

std::unique_ptr<Weight> pack_signs(Isa isa, const GroupedSource& source);

}  // namespace demitasse
