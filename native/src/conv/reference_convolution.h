// The meaning of a convolution, in plain loops.
#pragma once

#include "conv/convolution.h"

namespace demitasse {

// weight: [out_channels][group_channels][height][width]. Sums run over input channels, then rows,
// then columns of the kernel.
void reference_convolution(const ConvolutionKernel& kernel, const float* weight, const float* x,
                           const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
                           const Executor& executor);

// Where in the result the given channel of a pixel of a line (an output row of an image) comes.
int64_t result_index(const ConvolutionKernel& kernel, const ConvolutionPlace& place, int64_t line,
                     int64_t pixel, int64_t channel);

// One value of the result from its sum.
float reference_epilogue(const ConvolutionEpilogue& epilogue, float sum, int64_t channel,
                         int64_t index);

}  // namespace demitasse
