#include "quantize/parameters.h"

#include <algorithm>
#include <cmath>

namespace demitasse {

QuantizationParameters quantization_parameters(float low, float high) {
  constexpr float kLimit = 0x1p126f;  // high - low must not overflow
  low = std::max(low, -kLimit);
  high = std::min(high, kLimit);
  const float scale = (high - low) / 255.0f;
  if (scale == 0) return {};
  const float zero_point = std::min(255.0f, std::max(0.0f, -low / scale));
  return {scale, static_cast<int32_t>(std::nearbyint(zero_point))};
}

uint8_t quantize(float x, QuantizationParameters parameters) {
  if (std::isnan(x)) return static_cast<uint8_t>(parameters.zero_point);
  const float least = static_cast<float>(-parameters.zero_point);
  const float most = static_cast<float>(255 - parameters.zero_point);
  // The bounds are integers, so clamping first rounds to the same code.
  const float steps = std::min(most, std::max(least, x / parameters.scale));
  return static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(steps)) + parameters.zero_point);
}

}  // namespace demitasse
