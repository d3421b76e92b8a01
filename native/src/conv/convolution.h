// Convolution on channels-last activations: the linear operator with an indirection table (Dukhan
// 2019, "The Indirect Convolution Algorithm"), and a kernel of its own for depthwise convolution.
#pragma once

#include <cstdint>
#include <memory>

#include "cpu/isa.h"
#include "demitasse/types.h"
#include "threads/executor.h"

namespace demitasse {

// What a kernel is, apart from the inputs it meets.
struct ConvolutionKernel {
  int64_t out_channels = 0;
  int64_t group_channels = 0;  // input channels of a group
  int64_t height = 1, width = 1;
  int64_t group = 1;
  // The input is [batch][channels][height][width]; the result is channels last all the same.
  bool channels_first = false;
  // Results are moved from depth to space (Shi et al. 2016; ONNX DepthToSpace, mode DCR): channel
  // (i * block + j) * C + c of output pixel (h, w) becomes channel c of pixel (h * block + i,
  // w * block + j), C = out_channels / (block * block). More than 1: of one group.
  int64_t block = 1;

  int64_t channels() const { return group_channels * group; }
  // Results that lie side by side. A pixel's are `block` such bands, each for an output row of its
  // own, where (j, c) follow each other as they do among the channels.
  int64_t band() const { return out_channels / block; }
  int64_t depth() const { return group_channels * height * width; }
  bool depthwise() const {
    return group > 1 && group_channels == 1 && out_channels == group && !channels_first;
  }
};

// Where it is applied; the output is that before results are moved. Input outside of
// [0, height) x [0, width) is zero.
struct ConvolutionPlace {
  int64_t batch = 0, height = 0, width = 0;
  int64_t out_height = 0, out_width = 0;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t dilation_h = 1, dilation_w = 1;
};

// The result: scale * activation(sum + bias) + shift + residual, or with the residual first:
// scale * activation(sum + bias + residual) + shift.
struct ConvolutionEpilogue {
  const float* bias = nullptr;  // [out_channels]
  dmt_activation activation = DMT_ACTIVATION_NONE;
  float alpha = 0, beta = 0;  // of hard sigmoid, leaky ReLU and clip
  float scale = 1, shift = 0;
  const float* residual = nullptr;  // shaped like the result
  bool residual_first = false;
  // [batch][out_height * block][out_width * block][out_channels / (block * block)]
  float* out = nullptr;
};

// An immutable packed kernel, made for one instruction set level.
class ConvolutionWeight {
 public:
  virtual ~ConvolutionWeight() = default;
  virtual const ConvolutionKernel& kernel() const = 0;
  virtual int64_t bytes() const = 0;

  // x: [batch][height][width][channels] floats.
  virtual void run(const float* x, const ConvolutionPlace& place,
                   const ConvolutionEpilogue& epilogue, const Executor& executor) const = 0;
};

// source: [out_channels][group_channels][height][width] floats.
std::unique_ptr<ConvolutionWeight> pack_float_convolution(Isa isa, const ConvolutionKernel& kernel,
                                                          const float* source);

}  // namespace demitasse
