// Vectors of 8 floats. Only for files compiled with the flags of the avx2 level; see simd_avx512.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace demitasse::avx2 {
namespace {

using Floats = __m256;
constexpr int64_t kLanes = 8;
constexpr int kRegisters = 16;

// Which lanes of a vector take part.
struct Every {};
struct Some {
  __m256i lanes;  // all bits of a lane set or clear
};

inline Some first(int64_t n) {  // n < kLanes
  alignas(32) static constexpr int32_t kLeading[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLeading + kLanes - n))};
}

inline Floats zero() { return _mm256_setzero_ps(); }
inline Floats broadcast(float x) { return _mm256_set1_ps(x); }
inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline Floats load(const float* p, Every) { return load(p); }
inline Floats load(const float* p, Some some) { return _mm256_maskload_ps(p, some.lanes); }
inline void store(float* p, Floats x) { _mm256_storeu_ps(p, x); }
inline void store(float* p, Floats x, Every) { store(p, x); }
inline void store(float* p, Floats x, Some some) { _mm256_maskstore_ps(p, some.lanes, x); }

// x in the given lanes, y in the others.
inline Floats select(Every, Floats x, Floats) { return x; }
inline Floats select(Some some, Floats x, Floats y) {
  return _mm256_blendv_ps(y, x, _mm256_castsi256_ps(some.lanes));
}

inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }    // ab + c
inline Floats fnma(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }  // c - ab
// y where either is NaN.
inline Floats min(Floats x, Floats y) { return _mm256_min_ps(x, y); }
inline Floats max(Floats x, Floats y) { return _mm256_max_ps(x, y); }
inline Floats round(Floats x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Some is_nan(Floats x) { return {_mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q))}; }
// In least .. most; NaN becomes 0.
inline Floats clamp_or_zero(Floats x, Floats least, Floats most) {
  return _mm256_and_ps(_mm256_cmp_ps(x, x, _CMP_ORD_Q),
                       _mm256_max_ps(_mm256_min_ps(x, most), least));
}

// x * 2^n for integral n in -252 .. 254, rounded once: 2^n itself may not be a float, so it is
// applied in two halves, of which the first cannot round for x of moderate size.
inline Floats times_power_of_two(Floats x, Floats n) {
  const __m256i power = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(power, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i low = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i high = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(power, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(x, _mm256_castsi256_ps(low)), _mm256_castsi256_ps(high));
}

inline float reduce_add(Floats x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float reduce_min(Floats x) {
  const __m128 four = _mm_min_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_min_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)));
}
inline float reduce_max(Floats x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

// kLanes elements of another type, as floats.
inline Floats load_f16(const void* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
inline Floats load_bf16(const void* p) {
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}
inline Floats load_s8(const void* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadu_si64(p)));
}
inline Floats load_u8(const void* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadu_si64(p)));
}

// kLanes bytes: x rounded half to even, plus offset; the sums lie in 0 .. 255.
inline void store_u8(uint8_t* p, Floats x, int32_t offset) {
  const __m256i codes = _mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(offset));
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
  _mm_storeu_si64(p, _mm_packus_epi16(words, words));
}

inline void store_u8(uint8_t* p, Floats x, int32_t offset, Every) { store_u8(p, x, offset); }
inline void store_u8(uint8_t* p, Floats x, int32_t offset, Some some) {
  uint8_t all[8];
  store_u8(all, x, offset);
  const int count = __builtin_popcount(_mm256_movemask_ps(_mm256_castsi256_ps(some.lanes)));
  for (int i = 0; i < count; ++i) p[i] = all[i];
}

// Bytes of some lanes as floats; the others are 0.
inline Floats load_u8(const void* p, Every) { return load_u8(p); }
inline Floats load_u8(const void* p, Some some) {
  uint8_t all[8] = {};
  const int count = __builtin_popcount(_mm256_movemask_ps(_mm256_castsi256_ps(some.lanes)));
  for (int i = 0; i < count; ++i) all[i] = static_cast<const uint8_t*>(p)[i];
  return load_u8(all);
}

}  // namespace
}  // namespace demitasse::avx2
