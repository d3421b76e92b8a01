#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> linear_operators() { return {}; }

}  // namespace demitasse
