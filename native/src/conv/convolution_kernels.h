// The contract between the drivers of convolution and the kernels of one instruction set level.
#pragma once

#include <cstdint>

namespace demitasse {

// An activation without exponentials, as kernels apply it: t = min(most, max(least, a y + b)), or
// where leaky t = y < 0 ? a y : y; then scale * (y t where gated, else t) + shift. Others are
// applied afterwards.
struct Clamp {
  bool used = false;
  bool gated = false;
  bool leaky = false;
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

// For sums of products of codes: y = sum * scale + bias, and perhaps codes as the result.
struct CodeEpilogue {
  const float* scales = nullptr;       // of the first channel; whole vectors can be read
  const int32_t* zero_sums = nullptr;  // zero point of x times the sum of the weights, likewise
  uint8_t* codes = nullptr;            // of the first pixel and channel, instead of out
  float inverse_scale = 1;             // code = round(y * inverse_scale) + zero_point
  int32_t zero_point = 0;
  // |sum * scale + bias| is at most this, whatever the sum, so that nothing becomes NaN.
  static constexpr float kMostBounded = 0x1p100f;
  bool bounded = false;
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

// ConvolutionTileCall for u8 codes: steps of four bytes, panels [segments][steps][columns][4] of
// s8.
struct CodeTileCall {
  const uint8_t* x = nullptr;
  int64_t stride = 0;  // bytes between pixels
  int64_t rows = 0;
  const int64_t* offsets = nullptr;  // bytes
  int64_t segments = 0;
  int64_t steps = 0;
  const int8_t* w = nullptr;
  int vectors = 0;
  int tail = 0;
  TileEpilogue epilogue;
  CodeEpilogue codes;
};

// DepthwiseCall for u8 codes; weights are codes as floats, whose sums of products are exact.
struct CodeDepthwiseCall {
  const uint8_t* const* rows = nullptr;
  int64_t kernel_height = 0, kernel_width = 0;
  int64_t channels = 0;
  int64_t stride = 0;  // bytes between pixels of the input
  int64_t width = 0, out_width = 0;
  int64_t stride_w = 1, pad_left = 0, dilation_w = 1;
  int32_t zero_point = 0;  // of x
  const float* w = nullptr;
  int64_t w_stride = 0;
  TileEpilogue epilogue;
  CodeEpilogue codes;
};

// Four input rows of codes and the weights that they meet, taps of rows that they do not have to
// meet being 0.
//
//   x  column 0: channel 0: r0 r1 r2 r3 | channel 1: r0 r1 r2 r3 | ..  column 1: ..      u8
//   w  tap 0:    channel 0: w0 w1 w2 w3 | channel 1: ..          | ..  tap 1:    ..      s8
struct CodeQuad {
  const uint8_t* x = nullptr;       // of the first pixel; whole vectors can be read
  const int8_t* w = nullptr;        // [kernel_width][w_stride], aligned
  const int32_t* w_sums = nullptr;  // of each channel's weights; whole vectors can be read
};

// Pixels of one output row of a depthwise convolution of codes. Where columns lie `channels` codes
// apart, a pixel here may be some neighbouring ones with all their channels.
struct CodeQuadCall {
  const CodeQuad* quads = nullptr;
  int64_t count = 0;  // of quads
  int64_t kernel_width = 0;
  int64_t pixels = 0;
  int64_t channels = 0;
  int64_t column = 0;    // bytes between columns
  int64_t step = 0;      // columns between pixels
  int64_t w_stride = 0;  // bytes between taps
  int32_t zero_point = 0;
  TileEpilogue epilogue;
  CodeEpilogue codes;
};

// Rows of codes interleaved as a quad has them: `runs` times `count` codes of four rows to
// 4 * count bytes, rounded up to 64. A row that is NULL has the code `zero` everywhere.
struct InterleaveCall {
  const uint8_t* rows[4] = {};
  int64_t runs = 0, count = 0;
  int64_t stride = 0;     // bytes between runs
  int64_t to_stride = 0;  // bytes
  uint8_t zero = 0;
  uint8_t* to = nullptr;
};

// One window of a channels-last image, of which only what lies inside is given.
struct PoolWindow {
  int64_t rows = 0, row_stride = 0;
  int64_t columns = 0, column_stride = 0;
  int64_t channels = 0;
  bool maximum = false;
};

struct PoolCall : PoolWindow {
  const float* x = nullptr;  // the first pixel
  float count = 0;           // of a mean: the sum is divided by this; the mean of nothing is 0
  float* to = nullptr;       // the maximum of nothing is -infinity
};

// Largest codes, 0 of nothing; or means, scale * (sum - zero_sum), as floats or as codes of them.
struct CodePoolCall : PoolWindow {
  // A window's codes have sums that are exact as floats.
  static constexpr int64_t kMostAveraged = (1 << 24) / 255;
  const uint8_t* x = nullptr;
  float zero_sum = 0;        // zero point of x times the number of codes in the window
  float scale = 0;           // that of x over the number of elements of the mean
  float* to = nullptr;       // of means
  uint8_t* codes = nullptr;  // of maxima, or instead of `to`, as requantize()
  float inverse_scale = 1;
  int32_t zero_point = 0;
};

// y = x * gates, x * gates + added, or x + added, over some pixels of one image.
struct GateCall {
  const float* x = nullptr;
  const float* added = nullptr;  // as many elements
  int64_t elements = 0;
  const float* gates = nullptr;  // the channels' again and again: whole vectors, `period` elements
  int64_t period = 0;
  float* y = nullptr;
  uint8_t* codes = nullptr;  // instead of y: as requantize() of quantize/parameters.h
  float inverse_scale = 1;
  int32_t zero_point = 0;
};

struct ConvolutionKernels {
  int lanes;          // channels in a vector
  int panel_vectors;  // in a panel, at most
  void (*tile)(const ConvolutionTileCall& call);
  void (*depthwise)(const DepthwiseCall& call);
  void (*code_tile)(const CodeTileCall& call);
  // A level has either the first or the two after it, the others being NULL.
  void (*code_depthwise)(const CodeDepthwiseCall& call);
  void (*code_quads)(const CodeQuadCall& call);
  void (*interleave)(const InterleaveCall& call);
  // to[c] = the mean over positions of x[position][c]; `stride` floats between positions.
  void (*mean)(const float* x, int64_t positions, int64_t stride, int64_t channels, float* to);
  void (*pool)(const PoolCall& call);
  void (*code_pool)(const CodePoolCall& call);
  void (*gate)(const GateCall& call);
  int code_panel_vectors;  // in a panel of code_tile, at most
};

extern const ConvolutionKernels convolution_kernels_avx2;
extern const ConvolutionKernels convolution_kernels_avx512;

}  // namespace demitasse
