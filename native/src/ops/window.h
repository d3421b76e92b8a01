// Sliding windows over up to three spatial axes: what convolution and pooling share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/arguments.h"

namespace demitasse {

inline constexpr int32_t kMaxSpatialRank = 3;

// One axis: output o reads the inputs o * stride - pad_begin + k * dilation for k in [0, kernel);
// those outside [0, in) are padding. All parameters are below 2^31, so that no index overflows.
struct WindowAxis {
  int64_t in = 1, out = 1, kernel = 1;
  int64_t stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

  // Where the window of output o begins.
  int64_t start(int64_t o) const { return o * stride - pad_begin; }

  // The k whose input exists are [first, last).
  struct Taps {
    int64_t first, last;
  };
  Taps taps(int64_t start) const { return taps_below(start, in); }

  // The k for which 0 <= start + k * dilation < limit, with start counted from the same origin.
  Taps taps_below(int64_t start, int64_t limit) const {
    const int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    const int64_t last = start >= limit ? 0 : (limit - start + dilation - 1) / dilation;
    return {std::min(first, kernel), std::min(std::max(last, first), kernel)};
  }

  // The outputs in [begin, end) whose input for tap k exists are [first, last).
  struct Outputs {
    int64_t first, last;
  };
  Outputs outputs(int64_t k, int64_t begin, int64_t end) const {
    const int64_t shift = k * dilation - pad_begin;  // input = o * stride + shift
    const int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    const int64_t last = shift >= in ? 0 : (in - shift + stride - 1) / stride;
    const int64_t low = std::clamp(first, begin, end);
    return {low, std::clamp(last, low, end)};
  }
};

struct Window {
  // Missing leading axes have one element.
  WindowAxis axes[kMaxSpatialRank];
  int64_t in_size = 1, out_size = 1, kernel_size = 1;
};

// How many elements of the window of an output lie within the padded input: what lies behind it,
// where the output is rounded up, does not count. o: the output's place on each axis.
double padded_count(const WindowAxis* axes, const int64_t* o);

// What is demanded of the size of an output: the number of windows that fit, that or the number of
// those that begin inside, or nothing.
enum class Rounding { down, either, unchecked };

// Reads for each spatial axis of `in` and `out` ([N, C, ..]) stride, dilation, first and last
// padding from four runs of `integers`, and takes the kernel's sizes from `kernel`. Fails unless
// the parameters are possible and the output has the size they give.
Window make_window(const OperatorCall& call, const TensorView& in, const TensorView& out,
                   const int64_t* kernel, std::span<const int64_t> integers, Rounding rounding);

}  // namespace demitasse
