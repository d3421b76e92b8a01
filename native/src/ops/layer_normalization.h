// Normalizations over the last dimensions of a tensor.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// inputs: x, scale, bias; outputs: y, mean, 1 / standard deviation (the last two f32, optional).
// integers: the first normalized axis; floats: epsilon (Ba, Kiros, Hinton 2016).
void layer_normalization(const OperatorCall& call);

// inputs: x, scale; otherwise the same without a mean (Zhang, Sennrich 2019).
void rms_normalization(const OperatorCall& call);

// inputs: x, skip, scale, bias, addend of the sum; outputs: y, mean, 1 / deviation (not made),
// x + skip. skip may lack leading dimensions. integers: 1 for root mean square; floats: epsilon.
void skip_layer_normalization(const OperatorCall& call);

}  // namespace demitasse
