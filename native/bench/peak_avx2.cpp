#include <immintrin.h>

#include "peak.h"

#define UNROLL _Pragma("GCC unroll 32")

namespace demitasse::bench {
namespace {

constexpr int kChains = 12;  // independent sums, as many as a tile has
constexpr int kSteps = 1000;

template <class T>
inline void opaque(T& value) {
  __asm__ volatile("" : "+x"(value));
}

}  // namespace

double int8_multiply_add_avx2(int64_t rounds) {
  __m256i b = _mm256_set1_epi16(3);
  __v8si sums[kChains];
  UNROLL for (int i = 0; i < kChains; ++i) {
    sums[i] = (__v8si)_mm256_setzero_si256();
    opaque(sums[i]);
  }
  for (int64_t step = rounds * kSteps; step > 0; --step) {
    __m256i a = _mm256_set1_epi16(5);
    UNROLL for (int i = 0; i < kChains; ++i) {
      opaque(a);  // another operand each time, as far as the compiler knows: no shared product
      sums[i] += (__v8si)_mm256_madd_epi16(a, b);
    }
  }
  UNROLL for (int i = 0; i < kChains; ++i) opaque(sums[i]);
  return 32.0 * kChains * kSteps * static_cast<double>(rounds);
}

double float_multiply_add_avx2(int64_t rounds) {
  __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(1.5f);
  opaque(a);
  opaque(b);
  __m256 sums[kChains];
  UNROLL for (int i = 0; i < kChains; ++i) {
    sums[i] = _mm256_setzero_ps();
    opaque(sums[i]);
  }
  for (int64_t step = rounds * kSteps; step > 0; --step) {
    UNROLL for (int i = 0; i < kChains; ++i) sums[i] = _mm256_fmadd_ps(a, b, sums[i]);
  }
  UNROLL for (int i = 0; i < kChains; ++i) opaque(sums[i]);
  return 16.0 * kChains * kSteps * static_cast<double>(rounds);
}

double memory_read_avx2(int64_t rounds) {
  const auto* const data = static_cast<const __m256i*>(large_buffer());
  __m256i sums[4];
  UNROLL for (int i = 0; i < 4; ++i) sums[i] = _mm256_setzero_si256();
  for (int64_t round = 0; round < rounds; ++round) {
    for (int64_t i = 0; i < kLargeBufferBytes / 32; i += 4) {
      UNROLL for (int j = 0; j < 4; ++j) {
        sums[j] = _mm256_xor_si256(sums[j], _mm256_load_si256(data + i + j));
      }
    }
  }
  UNROLL for (int i = 0; i < 4; ++i) opaque(sums[i]);
  return static_cast<double>(kLargeBufferBytes) * static_cast<double>(rounds);
}

}  // namespace demitasse::bench
