#include "conv/lines.h"

#include <algorithm>

#include "gemm/blocking.h"

namespace demitasse {
namespace {

// In elements.
constexpr double kLargestStrip = 16 << 20;

bool meets_every_pixel(const ConvolutionKernel& kernel, const ConvolutionPlace& place) {
  return kernel.height == 1 && kernel.width == 1 && place.stride_h == 1 && place.stride_w == 1 &&
         place.pad_top == 0 && place.pad_left == 0 && place.out_height == place.height &&
         place.out_width == place.width;
}

bool reaches_outside(const ConvolutionKernel& kernel, const ConvolutionPlace& place) {
  const int64_t last_row =
      (place.out_height - 1) * place.stride_h + (kernel.height - 1) * place.dilation_h;
  const int64_t last_column =
      (place.out_width - 1) * place.stride_w + (kernel.width - 1) * place.dilation_w;
  return place.pad_top != 0 || place.pad_left != 0 || last_row >= place.height ||
         last_column >= place.width;
}

}  // namespace

Lines::Lines(const ConvolutionKernel& kernel, const ConvolutionPlace& place, int64_t step_elements)
    : kernel_(kernel), place_(place), step_elements_(step_elements) {
  const int64_t channels = kernel.channels();
  if (!kernel.channels_first && kernel.block == 1 && meets_every_pixel(kernel, place)) {
    flat_ = true;
    count_ = 1;
    pixels_ = place.batch * place.height * place.width;
    stride_ = channels;
    steps_ = quotient_up(kernel.group_channels, step_elements);
    offsets_ = {0};
    return;
  }
  count_ = place.batch * place.out_height;
  pixels_ = place.out_width;
  // Dilated taps of odd channels would each end in zeros, unlike those side by side.
  gathered_ = kernel.group == 1 && place.dilation_w != 1 && channels % step_elements != 0;
  copied_ = kernel.channels_first || gathered_ || reaches_outside(kernel, place);
  // A strip of absurd size (a huge dilation) is not to be; the numbers below could overflow.
  const double rows = static_cast<double>(kernel.height) *
                      (kernel.channels_first ? 1.0 : static_cast<double>(place.dilation_h));
  const double columns = gathered_ ? static_cast<double>(place.out_width) * kernel.width
                                   : static_cast<double>(place.out_width) * place.stride_w +
                                         static_cast<double>(kernel.width) * place.dilation_w;
  oversized_ = copied_ && rows * columns * static_cast<double>(channels) > kLargestStrip;
  if (oversized_) return;
  strip_width_ = gathered_ ? place.out_width * kernel.width
                           : (place.out_width - 1) * place.stride_w +
                                 (kernel.width - 1) * place.dilation_w + 1;
  if (kernel.channels_first) {
    // A strip holds the rows of one line only, plane by plane: [channels][kernel rows][width].
    stride_ = place.stride_w;
    line_step_ = channels * kernel.height * strip_width_;
    const bool whole = place.dilation_w == 1;
    steps_ = whole ? kernel.width : 1;
    for (int64_t row = 0; row < kernel.group_channels * kernel.height; ++row) {
      for (int64_t j = 0; j < (whole ? 1 : kernel.width); ++j) {
        offsets_.push_back(row * strip_width_ + j * place.dilation_w);
      }
    }
    return;
  }
  const int64_t pitch = (copied_ ? strip_width_ : place.width) * channels;
  image_ = place.height * place.width * channels;
  stride_ = (gathered_ ? kernel.width : place.stride_w) * channels;
  line_step_ = place.stride_h * pitch;
  const bool whole = (place.dilation_w == 1 || gathered_) && kernel.group == 1;
  steps_ = quotient_up(whole ? kernel.width * channels : kernel.group_channels, step_elements);
  for (int64_t i = 0; i < kernel.height; ++i) {
    for (int64_t j = 0; j < (whole ? 1 : kernel.width); ++j) {
      offsets_.push_back(i * place.dilation_h * pitch + j * place.dilation_w * channels);
    }
  }
}

int64_t Lines::reach(int64_t pixels) const {
  const int64_t last_group = (kernel_.group - 1) * kernel_.group_channels;
  return (pixels - 1) * stride_ + offsets_.back() + last_group + steps_ * step_elements_;
}

int64_t Lines::strip_elements(int64_t lines) const {
  if (!copied_) return 0;
  if (kernel_.channels_first) return lines * line_step_;
  const int64_t rows = (lines - 1) * place_.stride_h + (kernel_.height - 1) * place_.dilation_h + 1;
  return rows * strip_width_ * kernel_.channels();
}

// The taps of each output pixel side by side.
template <class T>
void Lines::gather_row(const T* picture, int64_t h, T zero, T* row) const {
  const int64_t channels = kernel_.channels();
  for (int64_t ow = 0; ow < place_.out_width; ++ow) {
    for (int64_t j = 0; j < kernel_.width; ++j, row += channels) {
      const int64_t v = ow * place_.stride_w - place_.pad_left + j * place_.dilation_w;
      if (h < 0 || h >= place_.height || v < 0 || v >= place_.width) {
        std::fill_n(row, channels, zero);
      } else {
        std::copy_n(picture + (h * place_.width + v) * channels, channels, row);
      }
    }
  }
}

template <class T>
void Lines::copy(const T* x, int64_t first, int64_t lines, T zero, T* strip) const {
  const int64_t image = first / place_.out_height;
  const int64_t channels = kernel_.channels();
  const int64_t from = std::clamp<int64_t>(place_.pad_left, 0, strip_width_);
  const int64_t to = std::clamp<int64_t>(place_.pad_left + place_.width, from, strip_width_);
  // Row h of a picture of `width` elements per pixel to one row of the strip.
  const auto copy_row = [&](const T* picture, int64_t h, int64_t width, T* row) {
    if (h < 0 || h >= place_.height) {
      std::fill_n(row, strip_width_ * width, zero);
      return;
    }
    std::fill_n(row, from * width, zero);
    const T* source = picture + (h * place_.width + from - place_.pad_left) * width;
    std::copy_n(source, (to - from) * width, row + from * width);
    std::fill_n(row + to * width, (strip_width_ - to) * width, zero);
  };
  if (kernel_.channels_first) {
    for (int64_t line = first; line < first + lines; ++line) {
      const int64_t top = line % place_.out_height * place_.stride_h - place_.pad_top;
      for (int64_t c = 0; c < channels; ++c) {
        const T* plane = x + (image * channels + c) * place_.height * place_.width;
        for (int64_t i = 0; i < kernel_.height; ++i, strip += strip_width_) {
          copy_row(plane, top + i * place_.dilation_h, 1, strip);
        }
      }
    }
    return;
  }
  const T* picture = x + image * place_.height * place_.width * channels;
  const int64_t top = first % place_.out_height * place_.stride_h - place_.pad_top;
  const int64_t rows = (lines - 1) * place_.stride_h + (kernel_.height - 1) * place_.dilation_h + 1;
  for (int64_t r = 0; r < rows; ++r, strip += strip_width_ * channels) {
    if (gathered_) {
      gather_row(picture, top + r, zero, strip);
    } else {
      copy_row(picture, top + r, channels, strip);
    }
  }
}

template void Lines::copy(const float*, int64_t, int64_t, float, float*) const;
template void Lines::copy(const uint8_t*, int64_t, int64_t, uint8_t, uint8_t*) const;

}  // namespace demitasse
