// Convolution as a matrix product: what the floating and the integer operators share.
#pragma once

#include <cstdint>
#include <cstring>

#include "ops/window.h"

namespace demitasse {

// x [batch][groups * in_channels][in], w [groups * out_channels][in_channels][kernel],
// y [batch][groups * out_channels][out].
struct Convolution {
  int64_t batch = 0, groups = 1, in_channels = 0, out_channels = 0;  // channels of one group
  Window window;

  int64_t depth() const { return in_channels * window.kernel_size; }
};

// integers: groups, then what make_window reads. The bias, if there is one, must have one element
// per output channel.
Convolution plan_convolution(const OperatorCall& call, const TensorView& x, const TensorView& w,
                             const TensorView* bias, const TensorView& y);

// How many output positions are computed together, such that their inputs fit the cache.
int64_t positions_at_once(const Convolution& plan, int64_t element_bytes, int threads);

// Row (channel, tap) of the matrix that a group's weights are multiplied with, for the output
// positions [first, first + count): the input that each of them has under this tap.
template <class T>
void copy_taps(const Window& window, const T* channel, const int64_t* tap, int64_t first,
               int64_t count, T padding, T* to) {
  const WindowAxis& plane = window.axes[0];
  const WindowAxis& row = window.axes[1];
  const WindowAxis& column = window.axes[2];
  const int64_t shift = tap[2] * column.dilation - column.pad_begin;
  int64_t x = first % column.out;
  int64_t y = first / column.out % row.out;
  int64_t z = first / column.out / row.out;
  while (count > 0) {
    const int64_t end = std::min(column.out, x + count);
    const int64_t in_z = plane.start(z) + tap[0] * plane.dilation;
    const int64_t in_y = row.start(y) + tap[1] * row.dilation;
    if (in_z < 0 || in_z >= plane.in || in_y < 0 || in_y >= row.in) {
      std::fill_n(to, end - x, padding);
    } else {
      const T* from = channel + (in_z * row.in + in_y) * column.in;
      const auto [low, high] = column.outputs(tap[2], x, end);
      std::fill_n(to, low - x, padding);
      if (column.stride == 1) {
        if (high > low) std::memcpy(to + (low - x), from + low + shift, (high - low) * sizeof(T));
      } else {
        for (int64_t i = low; i < high; ++i) to[i - x] = from[i * column.stride + shift];
      }
      std::fill_n(to + (high - x), end - high, padding);
    }
    to += end - x;
    count -= end - x;
    x = 0;
    if (++y == row.out) {
      y = 0;
      ++z;
    }
  }
}

// All rows of that matrix: [in_channels * kernel][count].
template <class T>
void copy_columns(const Convolution& plan, const T* x, int64_t first, int64_t count, T padding,
                  T* to) {
  const WindowAxis* axes = plan.window.axes;
  for (int64_t channel = 0; channel < plan.in_channels; ++channel) {
    int64_t tap[kMaxSpatialRank];
    for (tap[0] = 0; tap[0] < axes[0].kernel; ++tap[0]) {
      for (tap[1] = 0; tap[1] < axes[1].kernel; ++tap[1]) {
        for (tap[2] = 0; tap[2] < axes[2].kernel; ++tap[2]) {
          copy_taps(plan.window, x + channel * plan.window.in_size, tap, first, count, padding, to);
          to += count;
        }
      }
    }
  }
}

// ConvInteger and QLinearConv.
void conv_integer(const OperatorCall& call);
void qlinear_conv(const OperatorCall& call);

void conv_transpose(const OperatorCall& call);

}  // namespace demitasse
