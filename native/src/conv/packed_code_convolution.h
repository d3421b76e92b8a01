// What the drivers of convolutions of codes share.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "conv/code_convolution.h"
#include "conv/finish.h"

namespace demitasse {

// What finishing a sum takes, in multiply-adds of codes.
constexpr int64_t kFinishWork = 64;

// Fewer multiply-adds of codes (1.5 us on Zen 4) are not worth handing to another thread.
constexpr int64_t kLeastCodeTask = 1 << 19;

// Tasks for so many results, each with `depth` products. Few at first, each on neighbouring pixels:
// the next operator finds most of its input in its own core's cache.
inline int64_t code_tasks(int64_t results, int64_t depth, int threads) {
  const int64_t tasks = results * (depth + kFinishWork) / kLeastCodeTask;
  if (tasks <= threads) return std::max<int64_t>(tasks, 1);
  return std::clamp<int64_t>(tasks / threads / 16, 1, 4 * kConvolutionTasksPerThread) * threads;
}

// What belongs to the output channels for one x: arrays of whole vectors, `times` times over.
class Columns {
 public:
  Columns(const std::vector<float>& scales, const std::vector<int32_t>& sums,
          CodeParameters x_parameters, int64_t times)
      : scales_(scales.size() * times + 64, 0.0f), zero_sums_(scales.size() * times + 64, 0) {
    const size_t channels = scales.size();
    for (size_t first = 0; first < channels * times; first += channels) {
      for (size_t i = 0; i < channels; ++i) {
        scales_[first + i] = x_parameters.scale * scales[i];
        zero_sums_[first + i] = x_parameters.zero_point * sums[i];
      }
    }
  }
  const float* scales() const { return scales_.data(); }
  const int32_t* zero_sums() const { return zero_sums_.data(); }

 private:
  std::vector<float> scales_;
  std::vector<int32_t> zero_sums_;
};

class PackedCodeConvolution : public CodeConvolutionWeight {
 public:
  PackedCodeConvolution(Isa isa, const ConvolutionKernel& kernel, const float* scales,
                        int64_t scale_count)
      : isa_(isa), kernel_(kernel), scales_(kernel.out_channels), sums_(kernel.out_channels) {
    for (int64_t o = 0; o < kernel.out_channels; ++o) scales_[o] = scales[scale_count == 1 ? 0 : o];
  }
  const ConvolutionKernel& kernel() const override { return kernel_; }

  void run(const uint8_t* x, CodeParameters x_parameters, const ConvolutionPlace& place,
           const ConvolutionEpilogue& epilogue, uint8_t* codes, CodeParameters y_parameters,
           const Executor& executor) const override {
    const int64_t times = repeats(place);
    const PaddedBias bias(epilogue.bias, kernel_.out_channels, times);
    const Finish finish(isa_, epilogue, kernel_.band(), bias.data());
    const Columns columns(scales_, sums_, x_parameters, times);
    run(Run{x, place, x_parameters, columns, finish, codes, y_parameters,
            is_bounded(columns, bias.data())},
        executor);
  }

 protected:
  struct Run {
    const uint8_t* x;
    const ConvolutionPlace& place;
    CodeParameters x_parameters;
    const Columns& columns;
    const Finish& finish;
    uint8_t* codes;
    CodeParameters y_parameters;
    bool bounded;

    CodeEpilogue code_epilogue(int64_t pixel, int64_t channel) const {
      CodeEpilogue epilogue;
      epilogue.scales = columns.scales() + channel;
      epilogue.zero_sums = columns.zero_sums() + channel;
      if (codes != nullptr) epilogue.codes = codes + finish.at(pixel, channel);
      epilogue.inverse_scale = 1 / y_parameters.scale;
      epilogue.zero_point = y_parameters.zero_point;
      epilogue.bounded = bounded;
      return epilogue;
    }
  };

  virtual void run(const Run& run, const Executor& executor) const = 0;
  // How often bias and scales are needed one after the other.
  virtual int64_t repeats(const ConvolutionPlace&) const { return 1; }

  // Whether no sum can become NaN (CodeEpilogue).
  bool is_bounded(const Columns& columns, const float* bias) const {
    constexpr float kMost = CodeEpilogue::kMostBounded / 2;
    int beyond = 0;  // NaN is
    for (int64_t c = 0; c < kernel_.out_channels; ++c) {
      beyond |=
          !(std::abs(columns.scales()[c]) <= kMost * 0x1p-31f) | !(std::abs(bias[c]) <= kMost);
    }
    return beyond == 0;
  }

  const Isa isa_;
  const ConvolutionKernel kernel_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;  // of codes, per output channel
};

// For kernels of at most kMostDepthwiseTaps taps, whose sums are exact in 24 bits.
constexpr int64_t kMostDepthwiseTaps = 512;
std::unique_ptr<CodeConvolutionWeight> pack_depthwise_code_convolution(
    Isa isa, const ConvolutionKernel& kernel, const int8_t* codes, const float* scales,
    int64_t scale_count);

}  // namespace demitasse
