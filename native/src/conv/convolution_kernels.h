// The contract between the drivers of convolution and the kernels of one instruction set level.
#pragma once

#include <cstdint>

namespace demitasse {

// An activation without exponentials, as kernels apply it: t = min(most, max(least, a y + b)),
// then scale * (y t where gated, else t) + shift. Others are applied afterwards.
struct Clamp {
  bool used = false;
  bool gated = false;
  float a = 1, b = 0;
  float least = 0, most = 0;
  float scale = 1, shift = 0;
};

// What is added to and done with a sum, for some pixels times some channels.
struct TileEpilogue {
  const float* bias = nullptr;  // of the first channel; whole vectors can be read
  Clamp clamp;
  const float* residual = nullptr;  // of the first pixel and channel, or NULL
  bool residual_first = false;      // before the clamp
  float* out = nullptr;             // of the first pixel and channel
  int64_t stride = 0;               // floats between pixels of out and residual
};

// `pixels` pixels times one panel of output channels.
//
//   x, read in place, by segments              panel [segments][steps][vectors * lanes]
//   pixel m  ... k0 k1 k2 ... | k3 k4 k5 ...   | n0 n1 .. n15 | n16 .. n31 | n32 .. n47 |
//            `- x + m * stride + offsets[s]
//
// Segment s of all pixels is `offsets[s]` floats behind their addresses: the indirection table.
// Pixels of one output row are equally far apart, so that one table serves them all.
struct ConvolutionTileCall {
  const float* x = nullptr;
  int64_t stride = 0;  // floats between pixels
  int64_t rows = 0;    // pixels
  const int64_t* offsets = nullptr;
  int64_t segments = 0;
  int64_t steps = 0;
  const float* w = nullptr;
  int vectors = 0;
  int tail = 0;  // channels in the last vector
  TileEpilogue epilogue;
};

// One output row of a depthwise convolution, channels 0 .. channels - 1 of those pointed to.
struct DepthwiseCall {
  const float* const* rows = nullptr;  // [kernel_height]: the input rows, NULL where outside
  int64_t kernel_height = 0, kernel_width = 0;
  int64_t channels = 0;
  int64_t stride = 0;  // floats between pixels of the input
  int64_t width = 0, out_width = 0;
  int64_t stride_w = 1, pad_left = 0, dilation_w = 1;
  const float* w = nullptr;  // [kernel_height * kernel_width][w_stride]; whole vectors can be read
  int64_t w_stride = 0;
  TileEpilogue epilogue;
};

constexpr int kMaxPanelVectors = 3;

struct ConvolutionKernels {
  int lanes;          // channels in a vector
  int panel_vectors;  // in a panel, at most
  void (*tile)(const ConvolutionTileCall& call);
  void (*depthwise)(const DepthwiseCall& call);
};

extern const ConvolutionKernels convolution_kernels_avx2;
extern const ConvolutionKernels convolution_kernels_avx512;

}  // namespace demitasse
