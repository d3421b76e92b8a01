#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> movement_operators() { return {}; }

}  // namespace demitasse
