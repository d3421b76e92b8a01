// Input for lines of output pixels: read in place, or copied with its border of zeros.
#pragma once

#include <cstdint>
#include <vector>

#include "conv/convolution.h"

namespace demitasse {

// A line is a run of output pixels whose inputs are equally far apart: an output row, or all pixels
// at once where a kernel of one pixel meets every input pixel and results are not moved.
class Lines {
 public:
  // A step takes `step_elements` elements at once. The last step of a segment may reach beyond it,
  // where the panel has zeros.
  Lines(const ConvolutionKernel& kernel, const ConvolutionPlace& place, int64_t step_elements = 1);

  // All pixels are one line, read in place.
  bool flat() const { return flat_; }
  int64_t count() const { return count_; }
  int64_t pixels() const { return pixels_; }

  // Elements between pixels of a line.
  int64_t stride() const { return stride_; }
  // Where the segments of a pixel are, from its address (ConvolutionTileCall::offsets).
  const std::vector<int64_t>& offsets() const { return offsets_; }
  int64_t steps() const { return steps_; }
  // Elements from the address of a line's first pixel to where the reading of `pixels` ends.
  int64_t reach(int64_t pixels) const;

  // Whether lines have to be copied, and the elements that `lines` of them take then. Lines that
  // are copied together are of one image.
  bool copied() const { return copied_; }
  // Whether even one line is too much to copy; nothing else may be asked for then.
  bool oversized() const { return oversized_; }
  int64_t image_lines() const { return copied_ ? place_.out_height : count_; }
  int64_t strip_elements(int64_t lines) const;

  // Copies the input of some lines; outside of the image it is `zero`.
  template <class T>
  void copy(const T* x, int64_t first, int64_t lines, T zero, T* strip) const;

  // The address of a line's first pixel in x itself, or in a strip that begins with line `first`.
  template <class T>
  const T* in_place(const T* x, int64_t line) const {
    return x + (line / place_.out_height) * image_ + (line % place_.out_height) * line_step_;
  }
  template <class T>
  const T* in_strip(const T* strip, int64_t first, int64_t line) const {
    return strip + (line - first) * line_step_;
  }

 private:
  template <class T>
  void gather_row(const T* picture, int64_t h, T zero, T* row) const;

  const ConvolutionKernel& kernel_;
  const ConvolutionPlace& place_;
  int64_t count_ = 0, pixels_ = 0, stride_ = 0, steps_ = 0;
  int64_t step_elements_ = 1;
  bool flat_ = false, copied_ = false, gathered_ = false, oversized_ = false;
  int64_t strip_width_ = 0;  // pixels of a copied row
  int64_t image_ = 0;        // elements of an image, for lines read in place
  int64_t line_step_ = 0;    // elements from a line to the next
  std::vector<int64_t> offsets_;
};

}  // namespace demitasse
