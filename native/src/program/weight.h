// What a dmt_weight handle stands for.
#pragma once

#include <memory>

#include "core/handles.h"
#include "core/live.h"
#include "demitasse/weight.h"
#include "gemm/linear.h"

namespace demitasse {

struct PackedWeight {
  PackedWeight(std::unique_ptr<Weight> made, bool is_integer)
      : weight(std::move(made)), integer(is_integer), bytes(weight->bytes()) {}

  std::unique_ptr<Weight> weight;
  bool integer;  // takes quantized activations
  LiveObject live;
  LiveBytes bytes;
};

Handles<dmt_weight, const PackedWeight>& weights();

}  // namespace demitasse
