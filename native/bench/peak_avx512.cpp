#include <immintrin.h>

#include "peak.h"

#define UNROLL _Pragma("GCC unroll 32")

namespace demitasse::bench {
namespace {

constexpr int kChains = 24;  // independent sums, as many as a tile has
constexpr int kSteps = 1000;

// Keeps the value in a register and hides where it comes from: equal chains are not merged.
template <class T>
inline void opaque(T& value) {
  __asm__ volatile("" : "+v"(value));
}

}  // namespace

double int8_multiply_add_avx512(int64_t rounds) {
  __m512i a = _mm512_set1_epi32(0x01020304), b = _mm512_set1_epi32(0x01000100);
  opaque(a);
  opaque(b);
  __v16si sums[kChains];
  UNROLL for (int i = 0; i < kChains; ++i) {
    sums[i] = (__v16si)_mm512_setzero_si512();
    opaque(sums[i]);
  }
  for (int64_t step = rounds * kSteps; step > 0; --step) {
    UNROLL for (int i = 0; i < kChains; ++i) {
      sums[i] = (__v16si)_mm512_dpbusd_epi32((__m512i)sums[i], a, b);
    }
  }
  UNROLL for (int i = 0; i < kChains; ++i) opaque(sums[i]);
  return 128.0 * kChains * kSteps * static_cast<double>(rounds);
}

double float_multiply_add_avx512(int64_t rounds) {
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(1.5f);
  opaque(a);
  opaque(b);
  __m512 sums[kChains];
  UNROLL for (int i = 0; i < kChains; ++i) {
    sums[i] = _mm512_setzero_ps();
    opaque(sums[i]);
  }
  for (int64_t step = rounds * kSteps; step > 0; --step) {
    UNROLL for (int i = 0; i < kChains; ++i) sums[i] = _mm512_fmadd_ps(a, b, sums[i]);
  }
  UNROLL for (int i = 0; i < kChains; ++i) opaque(sums[i]);
  return 32.0 * kChains * kSteps * static_cast<double>(rounds);
}

}  // namespace demitasse::bench
