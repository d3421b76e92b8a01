#include "bits/bits.h"
#include "bits/bits.inl"

namespace demitasse {
namespace {

void pack_signs(const float* x, int64_t count, uint8_t* packed) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 positive = _mm256_cmp_ps(_mm256_loadu_ps(x + i), _mm256_setzero_ps(), _CMP_GE_OQ);
    packed[i / 8] = static_cast<uint8_t>(_mm256_movemask_ps(positive));
  }
  if (i < count) {
    uint32_t byte = 0;
    for (int64_t j = i; j < count; ++j) byte |= (x[j] >= 0 ? 1u : 0u) << (j - i);
    packed[i / 8] = static_cast<uint8_t>(byte);
  }
}

}  // namespace

extern const BitKernels bit_kernels_avx2 = {
    .pack = pack_any, .unpack = unpack_any, .pack_signs = pack_signs};

}  // namespace demitasse
