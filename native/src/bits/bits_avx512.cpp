#include "bits/bits.h"
#include "bits/bits.inl"

namespace demitasse {
namespace {

void pack_signs(const float* x, int64_t count, uint8_t* packed) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __mmask16 bits =
        _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i), _mm512_setzero_ps(), _CMP_GE_OQ);
    const uint16_t both = bits;
    __builtin_memcpy(packed + i / 8, &both, 2);
  }
  if (i < count) {
    const auto mask = static_cast<__mmask16>((1u << (count - i)) - 1);
    const __mmask16 bits = _mm512_mask_cmp_ps_mask(mask, _mm512_maskz_loadu_ps(mask, x + i),
                                                   _mm512_setzero_ps(), _CMP_GE_OQ);
    const uint16_t rest = bits;
    __builtin_memcpy(packed + i / 8, &rest, static_cast<unsigned long>((count - i + 7) / 8));
  }
}

}  // namespace

extern const BitKernels bit_kernels_avx512 = {
    .pack = pack_any, .unpack = unpack_any, .pack_signs = pack_signs};

}  // namespace demitasse
