#include "ops/small_floats.h"

#include <algorithm>
#include <cmath>

#include "demitasse/types.h"

namespace demitasse {
namespace {

constexpr SmallFloat kE4M3FN = {3, 7, 8, 448, -1, 0x7f, true};
constexpr SmallFloat kE4M3FNUZ = {3, 8, 8, 240, -1, 0x80, false};
constexpr SmallFloat kE5M2 = {2, 15, 8, 57344, 0x7c, 0x7e, true};
constexpr SmallFloat kE5M2FNUZ = {2, 16, 8, 57344, -1, 0x80, false};
constexpr SmallFloat kE2M1 = {1, 1, 4, 6, -1, -1, true};

int sign_bit(const SmallFloat& format) { return 1 << (format.bits - 1); }

}  // namespace

const SmallFloat* small_float(int32_t dtype) {
  switch (dtype) {
    case DMT_F8E4M3FN:
      return &kE4M3FN;
    case DMT_F8E4M3FNUZ:
      return &kE4M3FNUZ;
    case DMT_F8E5M2:
      return &kE5M2;
    case DMT_F8E5M2FNUZ:
      return &kE5M2FNUZ;
    case DMT_F4E2M1:
      return &kE2M1;
    default:
      return nullptr;
  }
}

double decode(const SmallFloat& format, uint8_t code) {
  const int sign = sign_bit(format);
  const int magnitude = code & (sign - 1);
  if (format.nan == 0x80     ? code == 0x80
      : format.infinity >= 0 ? magnitude > format.infinity
                             : magnitude == format.nan) {
    return NAN;
  }
  const double signed_one = code & sign ? -1 : 1;
  if (magnitude == format.infinity) return signed_one * INFINITY;
  const int exponent = magnitude >> format.mantissa_bits;
  const int mantissa = magnitude & ((1 << format.mantissa_bits) - 1);
  const int implicit = exponent == 0 ? 0 : 1 << format.mantissa_bits;
  const int shift = (exponent == 0 ? 1 : exponent) - format.bias - format.mantissa_bits;
  return signed_one * std::ldexp(mantissa + implicit, shift);
}

uint8_t encode(const SmallFloat& format, double value, bool saturate) {
  const int sign = std::signbit(value) ? sign_bit(format) : 0;
  if (std::isnan(value)) {
    if (format.nan < 0) return static_cast<uint8_t>(sign_bit(format));
    return static_cast<uint8_t>(format.nan == 0x80 ? 0x80 : format.nan | sign);
  }
  // The spacing of representable numbers around the value, then the value in units of it.
  const double magnitude = std::fabs(value);
  const int lowest = 1 - format.bias;
  int exponent = lowest;
  if (magnitude > 0 && std::isfinite(magnitude)) exponent = std::max(lowest, std::ilogb(magnitude));
  double units = std::isfinite(magnitude)
                     ? std::nearbyint(std::ldexp(magnitude, format.mantissa_bits - exponent))
                     : INFINITY;
  if (std::isinf(units) || std::ldexp(units, exponent - format.mantissa_bits) > format.largest) {
    if (!saturate && format.infinity >= 0) return static_cast<uint8_t>(format.infinity | sign);
    if (!saturate && format.nan >= 0) {
      return static_cast<uint8_t>(format.nan == 0x80 ? 0x80 : format.nan | sign);
    }
    exponent = std::ilogb(format.largest);
    units = std::ldexp(format.largest, format.mantissa_bits - exponent);
  }
  // A subnormal has no implicit bit: adding the units to the exponent field carries as it should.
  const int fields = ((exponent - lowest) << format.mantissa_bits) + static_cast<int>(units);
  if (fields == 0 && !format.negative_zero) return 0;
  return static_cast<uint8_t>(fields | sign);
}

}  // namespace demitasse
