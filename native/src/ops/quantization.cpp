#include "ops/registry.h"

namespace demitasse {

std::span<const OperatorEntry> quantization_operators() { return {}; }

}  // namespace demitasse
