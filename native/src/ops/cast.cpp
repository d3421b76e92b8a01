#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> cast_operators() { return {}; }

}  // namespace demitasse
