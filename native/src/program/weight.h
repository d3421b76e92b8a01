// What a dmt_weight handle stands for.
#pragma once

#include <memory>

#include "conv/code_convolution.h"
#include "conv/convolution.h"
#include "core/handles.h"
#include "core/live.h"
#include "demitasse/weight.h"
#include "gemm/linear.h"

namespace demitasse {

struct PackedWeight {
  PackedWeight(std::unique_ptr<Weight> made, bool is_integer)
      : weight(std::move(made)), integer(is_integer), bytes(weight->bytes()) {}

  explicit PackedWeight(std::unique_ptr<ConvolutionWeight> made)
      : convolution(std::move(made)), integer(false), bytes(convolution->bytes()) {}

  explicit PackedWeight(std::unique_ptr<CodeConvolutionWeight> made)
      : code_convolution(std::move(made)), integer(true), bytes(code_convolution->bytes()) {}

  std::unique_ptr<Weight> weight;                           // of a linear operator, or
  std::unique_ptr<ConvolutionWeight> convolution;           // the kernel of a convolution
  std::unique_ptr<CodeConvolutionWeight> code_convolution;  // one of codes
  bool integer;                                             // takes quantized activations
  LiveObject live;
  LiveBytes bytes;
};

Handles<dmt_weight, const PackedWeight>& weights();

}  // namespace demitasse
