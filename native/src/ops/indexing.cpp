#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> indexing_operators() { return {}; }

}  // namespace demitasse
