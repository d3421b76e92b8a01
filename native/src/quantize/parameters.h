// The affine u8 quantization every kernel uses: x = scale * (code - zero_point).
//
// The same IEEE operations in the same order on every instruction set, so that equal inputs give
// equal codes everywhere. The formula is that of ONNX DynamicQuantizeLinear.
#pragma once

#include <cstdint>

namespace demitasse {

struct QuantizationParameters {
  float scale = 1;
  int32_t zero_point = 0;  // 0 .. 255
};

// For values in [low, high] where low <= 0 <= high. Infinities count as +-2^126, so scale is
// finite; it is 1 where low and high are 0 or so small that 255 steps of the least positive float
// are too many.
QuantizationParameters quantization_parameters(float low, float high);

// round(x / scale) + zero_point, half to even, saturated to 0 .. 255. NaN: zero_point.
uint8_t quantize(float x, QuantizationParameters parameters);

// The same with x * (1 / scale), which must be finite: for results still in registers, since a
// vector's division takes as long as ten multiplications.
uint8_t requantize(float x, QuantizationParameters parameters);

}  // namespace demitasse
