// Rows of codes as s16, for kernels that multiply with vpmaddwd. Included by AVX2 kernels only.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace demitasse {
namespace {

void widen_x(const uint8_t* from, int16_t* to, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_cvtepu8_epi16(bytes));
  }
  for (; i < count; ++i) to[i] = from[i];
}

}  // namespace
}  // namespace demitasse
