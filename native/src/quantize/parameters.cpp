#include "quantize/parameters.h"

#include <algorithm>
#include <cmath>

namespace demitasse {
namespace {

// Half to even, for |x| < 2^22: in the sum nothing is left behind the binary point.
float round_half_to_even(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

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
  if (std::isnan(x)) return static_cast<uint8_t>(parameters.zero_point);
  const float least = static_cast<float>(-parameters.zero_point);
  const float most = static_cast<float>(255 - parameters.zero_point);
  // The bounds are integers, so clamping first rounds to the same code.
  const float steps = std::min(most, std::max(least, x / parameters.scale));
  return static_cast<uint8_t>(static_cast<int32_t>(round_half_to_even(steps)) +
                              parameters.zero_point);
}

}  // namespace demitasse
