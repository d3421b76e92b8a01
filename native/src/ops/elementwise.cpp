#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> elementwise_operators() { return {}; }

}  // namespace demitasse
