#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> reduction_operators() { return {}; }

}  // namespace demitasse
