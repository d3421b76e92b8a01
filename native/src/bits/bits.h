// Packing of codes of few bits; the meaning is in demitasse/bits.h.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace demitasse {

struct BitKernels {
  void (*pack)(int width, const uint8_t* codes, int64_t count, uint8_t* packed);
  void (*unpack)(int width, bool is_signed, const uint8_t* packed, int64_t count, uint8_t* codes);
  void (*pack_signs)(const float* x, int64_t count, uint8_t* packed);
};

extern const BitKernels bit_kernels_scalar;
extern const BitKernels bit_kernels_avx2;
extern const BitKernels bit_kernels_avx512;

inline const BitKernels& bit_kernels(Isa isa) {
  return isa == Isa::avx512 ? bit_kernels_avx512
         : isa == Isa::avx2 ? bit_kernels_avx2
                            : bit_kernels_scalar;
}

}  // namespace demitasse
