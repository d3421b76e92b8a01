// The floating types of 8 and 4 bits that ONNX knows (OCP 8-bit Floating Point Specification; the
// FNUZ kinds: Noune et al., "8-bit Numerical Formats for Deep Neural Networks", 2022).
#pragma once

#include <cstdint>

namespace demitasse {

struct SmallFloat {
  int mantissa_bits;
  int bias;
  int bits;        // 8 or 4
  double largest;  // finite
  int infinity;    // code; -1: none
  int nan;         // code; -1: none
  bool negative_zero;
};

// nullptr when dtype is none of them.
const SmallFloat* small_float(int32_t dtype);

double decode(const SmallFloat& format, uint8_t code);

// Rounds half to even. Without saturation, what is too large becomes infinity, or NaN where there
// is no infinity, or the largest where there is neither. NaN of a type without one gives -0.
uint8_t encode(const SmallFloat& format, double value, bool saturate);

}  // namespace demitasse
