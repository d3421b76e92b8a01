// Eight codes at a time in a 64-bit register: pext gathers the low bits of eight bytes, pdep
// spreads them. One step in about a cycle, whatever the width.
#pragma once

#include <immintrin.h>

namespace demitasse {
namespace {

template <int kValue>
struct Width {
  static constexpr int value = kValue;
};

// The low `width` bits of every byte.
inline uint64_t byte_mask(int width) {
  return 0x0101010101010101u * static_cast<uint64_t>((1 << width) - 1);
}

template <int width>
void pack(const uint8_t* codes, int64_t count, uint8_t* packed) {
  const uint64_t mask = byte_mask(width);
  int64_t i = 0;
  for (; i + 8 <= count; i += 8, packed += width) {
    uint64_t eight;
    __builtin_memcpy(&eight, codes + i, 8);
    const uint64_t bits = _pext_u64(eight, mask);
    __builtin_memcpy(packed, &bits, static_cast<unsigned long>(width));
  }
  if (i < count) {
    uint64_t rest = 0;
    __builtin_memcpy(&rest, codes + i, static_cast<unsigned long>(count - i));
    const uint64_t bits = _pext_u64(rest, mask);
    __builtin_memcpy(packed, &bits, static_cast<unsigned long>(((count - i) * width + 7) / 8));
  }
}

template <int width, bool is_signed>
uint64_t spread(uint64_t bits) {
  const uint64_t codes = _pdep_u64(bits, byte_mask(width));
  if constexpr (!is_signed) return codes;
  // Each byte's sign bit as 0 or 1, times the bits above the code: no product leaves its byte.
  const uint64_t signs = codes >> (width - 1) & 0x0101010101010101u;
  return codes | signs * static_cast<uint64_t>(256 - (1 << width));
}

template <int width, bool is_signed>
void unpack(const uint8_t* packed, int64_t count, uint8_t* codes) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8, packed += width) {
    uint64_t bits = 0;
    __builtin_memcpy(&bits, packed, static_cast<unsigned long>(width));
    const uint64_t eight = spread<width, is_signed>(bits);
    __builtin_memcpy(codes + i, &eight, 8);
  }
  if (i < count) {
    uint64_t bits = 0;
    __builtin_memcpy(&bits, packed, static_cast<unsigned long>(((count - i) * width + 7) / 8));
    const uint64_t rest = spread<width, is_signed>(bits);
    __builtin_memcpy(codes + i, &rest, static_cast<unsigned long>(count - i));
  }
}

// Calls body(width as a constant), so that copies of few bytes are single moves.
template <int kWidth = 8, class Body>
void with_width(int width, const Body& body) {
  if constexpr (kWidth == 1) {
    body(Width<1>{});
  } else if (width == kWidth) {
    body(Width<kWidth>{});
  } else {
    with_width<kWidth - 1>(width, body);
  }
}

void pack_any(int width, const uint8_t* codes, int64_t count, uint8_t* packed) {
  with_width(width, [&](auto w) { pack<w.value>(codes, count, packed); });
}

void unpack_any(int width, bool is_signed, const uint8_t* packed, int64_t count, uint8_t* codes) {
  with_width(width, [&](auto w) {
    if (is_signed) {
      unpack<w.value, true>(packed, count, codes);
    } else {
      unpack<w.value, false>(packed, count, codes);
    }
  });
}

}  // namespace
}  // namespace demitasse
