#include <immintrin.h>

#include "peak.h"

#define UNROLL _Pragma("GCC unroll 32")

namespace demitasse::bench {

double xor_popcount_avx512(int64_t rounds) {
  constexpr int kChains = 8, kSteps = 1000;
  __m512i a[kChains], sums[kChains];
  UNROLL for (int i = 0; i < kChains; ++i) {
    a[i] = _mm512_set1_epi64(i);
    sums[i] = _mm512_setzero_si512();
    __asm__ volatile("" : "+v"(a[i]), "+v"(sums[i]));
  }
  __m512i b = _mm512_set1_epi64(0x0f0f0f0f0f0f0f0f);
  for (int64_t step = rounds * kSteps; step > 0; --step) {
    __asm__ volatile("" : "+v"(b));  // as if loaded: nothing is constant over the loop
    UNROLL for (int i = 0; i < kChains; ++i) {
      sums[i] = _mm512_add_epi64(sums[i], _mm512_popcnt_epi64(_mm512_xor_si512(a[i], b)));
    }
  }
  UNROLL for (int i = 0; i < kChains; ++i) __asm__ volatile("" : "+v"(sums[i]));
  return 1024.0 * kChains * kSteps * static_cast<double>(rounds);
}

}  // namespace demitasse::bench
