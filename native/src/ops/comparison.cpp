#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> comparison_operators() { return {}; }

}  // namespace demitasse
