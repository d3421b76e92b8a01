// What the drivers of floating convolution share: the epilogue cut up for kernels.
#pragma once

#include "conv/convolution.h"
#include "conv/convolution_kernels.h"
#include "core/aligned_buffer.h"

namespace demitasse {

inline const ConvolutionKernels& convolution_kernels(Isa isa) {
  return isa == Isa::avx512 ? convolution_kernels_avx512 : convolution_kernels_avx2;
}

// Below this many multiply-adds (10 us on Zen 5) a task is not worth handing to another thread.
constexpr int64_t kLeastConvolutionTask = 1 << 20;
constexpr int64_t kConvolutionTasksPerThread = 4;

// Input of a task, copied or not, stays in L2 beside a panel of the weight.
constexpr int64_t kConvolutionTaskBytes = 256 << 10;

// The bias in whole vectors, zero where there is none, `times` times over.
class PaddedBias {
 public:
  PaddedBias(const float* bias, int64_t channels, int64_t times = 1);
  const float* data() const { return values_.data(); }

 private:
  AlignedBuffer<float> values_;
};

// Whether kernels apply the activation; others follow when pixels are finished.
bool is_applied_by_kernels(dmt_activation activation);

// The epilogue as tasks apply it: in the kernels, and what is left over finished pixels. A pixel is
// `band` results side by side (ConvolutionKernel::band): all channels unless they are moved.
class Finish {
 public:
  // All must outlive this. bias: of all channels.
  Finish(Isa isa, const ConvolutionEpilogue& epilogue, int64_t band, const float* bias);

  // For channels from the given one on, all of one band, of pixels from the given one on.
  TileEpilogue tile(int64_t pixel, int64_t channel) const;

  // Where that is in the result.
  int64_t at(int64_t pixel, int64_t channel) const { return pixel * band_ + channel % band_; }

  // What kernels leave to do for finished pixels.
  void rest(int64_t pixel, int64_t pixels) const;

 private:
  Isa isa_;
  const ConvolutionEpilogue& epilogue_;
  int64_t band_;
  const float* bias_;
  Clamp clamp_;
  bool later_ = false;  // kernels cannot apply the activation
};

}  // namespace demitasse
