// The meaning of packing, in plain loops.
#include "bits/bits.h"

namespace demitasse {
namespace {

void pack(int width, const uint8_t* codes, int64_t count, uint8_t* packed) {
  const uint32_t mask = (1u << width) - 1;
  uint32_t buffer = 0;
  int held = 0;
  for (int64_t i = 0; i < count; ++i) {
    buffer |= (codes[i] & mask) << held;
    held += width;
    if (held >= 8) {
      *packed++ = static_cast<uint8_t>(buffer);
      buffer >>= 8;
      held -= 8;
    }
  }
  if (held > 0) *packed = static_cast<uint8_t>(buffer);
}

void unpack(int width, bool is_signed, const uint8_t* packed, int64_t count, uint8_t* codes) {
  const uint32_t mask = (1u << width) - 1;
  const uint32_t sign = is_signed ? 1u << (width - 1) : 0;
  uint32_t buffer = 0;
  int held = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (held < width) {
      buffer |= static_cast<uint32_t>(*packed++) << held;
      held += 8;
    }
    codes[i] = static_cast<uint8_t>(((buffer & mask) ^ sign) - sign);
    buffer >>= width;
    held -= width;
  }
}

void pack_signs(const float* x, int64_t count, uint8_t* packed) {
  for (int64_t i = 0; i < count; i += 8) {
    uint32_t byte = 0;
    for (int64_t j = i; j < count && j < i + 8; ++j) byte |= (x[j] >= 0 ? 1u : 0u) << (j - i);
    packed[i / 8] = static_cast<uint8_t>(byte);
  }
}

}  // namespace

extern const BitKernels bit_kernels_scalar = {
    .pack = pack, .unpack = unpack, .pack_signs = pack_signs};

}  // namespace demitasse
