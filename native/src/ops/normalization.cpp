#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> normalization_operators() { return {}; }

}  // namespace demitasse
