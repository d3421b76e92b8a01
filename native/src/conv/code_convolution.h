// Convolution of u8 codes with s8 kernels: x = x_scale * (code - x_zero_point), w = scale * code.
//
// Sums of products are exact integers at every level; what follows is the same floating arithmetic
// everywhere, so results are equal to the bit.
#pragma once

#include <cstdint>
#include <memory>

#include "conv/convolution.h"

namespace demitasse {

struct CodeParameters {
  float scale = 1;
  int32_t zero_point = 0;  // 0 .. 255
};

class CodeConvolutionWeight {
 public:
  virtual ~CodeConvolutionWeight() = default;
  virtual const ConvolutionKernel& kernel() const = 0;
  virtual int64_t bytes() const = 0;

  // Input outside of x is zero, that is, has the code x's zero point. The result goes to
  // epilogue.out, or, where `codes` is given, there as round(y / y_parameters.scale) + zero point,
  // half to even, saturated (NaN: the zero point); the division is a multiplication with the
  // reciprocal.
  virtual void run(const uint8_t* x, CodeParameters x_parameters, const ConvolutionPlace& place,
                   const ConvolutionEpilogue& epilogue, uint8_t* codes, CodeParameters y_parameters,
                   const Executor& executor) const = 0;
};

// Whether such a kernel can be packed: channels last, and sums that fit 32 bits
// (group_channels * height * width <= 65536).
bool is_code_convolution(const ConvolutionKernel& kernel);

// codes: [out_channels][group_channels][height][width]; scales: 1 or out_channels.
std::unique_ptr<CodeConvolutionWeight> pack_code_convolution(Isa isa,
                                                             const ConvolutionKernel& kernel,
                                                             const int8_t* codes,
                                                             const float* scales,
                                                             int64_t scale_count);

}  // namespace demitasse
