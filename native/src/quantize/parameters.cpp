#include "quantize/parameters.h"

#include <algorithm>
#include <cmath>

namespace demitasse {
namespace {

// Half to even, for |x| < 2^22: in the sum nothing is left behind the binary point.
float round_half_to_even(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

// Of steps from the zero point.
uint8_t code(float steps, int32_t zero_point) {
  if (std::isnan(steps)) return static_cast<uint8_t>(zero_point);
  const float least = static_cast<float>(-zero_point);
  const float most = static_cast<float>(255 - zero_point);
  // The bounds are integers, so clamping first rounds to the same code.
  const float clamped = std::min(most, std::max(least, steps));
  return static_cast<uint8_t>(static_cast<int32_t>(round_half_to_even(clamped)) + zero_point);
}

}  // namespace

QuantizationParameters quantization_parameters(float low, float high) {
  constexpr float kLimit = 0x1p126f;  // high - low must not overflow
  low = std::max(low, -kLimit);
  high = std::min(high, kLimit);
  const float scale = (high - low) / 255.0f;
  if (scale == 0) return {};
  const float zero_point = std::min(255.0f, std::max(0.0f, -low / scale));
  return {scale, static_cast<int32_t>(round_half_to_even(zero_point))};
}

uint8_t quantize(float x, QuantizationParameters parameters) {
  return code(x / parameters.scale, parameters.zero_point);
}

uint8_t requantize(float x, QuantizationParameters parameters) {
  return code(x * (1 / parameters.scale), parameters.zero_point);
}

}  // namespace demitasse
