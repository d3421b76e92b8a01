// Softmax and its relatives.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// integers: the tensor seen as [outer][size][inner]; each run along `size` is normalized.
void softmax(const OperatorCall& call);
void log_softmax(const OperatorCall& call);

// 1 for the first of the largest elements, 0 for all others.
void hardmax(const OperatorCall& call);

}  // namespace demitasse
