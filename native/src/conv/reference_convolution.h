// The meaning of a convolution, in plain loops.
#pragma once

#include "conv/convolution.h"

namespace demitasse {

// weight: [out_channels][group_channels][height][width]. Sums run over input channels, then rows,
// then columns of the kernel.
void reference_convolution(const ConvolutionKernel& kernel, const float* weight, const float* x,
                           const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
                           const Executor& executor);

// One value of the result from its sum.
float reference_epilogue(const ConvolutionEpilogue& epilogue, float sum, int64_t channel,
                         int64_t index);

}  // namespace demitasse
