// Vectors of 16 floats. Only for files compiled with the flags of the avx512 level.
//
// simd_avx2.h has the same names for vectors of 8, so a kernel written once (NAME.inl, included
// inside namespace demitasse::avx512 or demitasse::avx2) serves both. Everything is local to the
// translation unit: nothing compiled here may be linked into code for older CPUs.
#pragma once

// gcc 12 takes the intrinsics' "undefined" operands for uninitialized variables (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstdint>

namespace demitasse::avx512 {
namespace {

using Floats = __m512;
constexpr int64_t kLanes = 16;
constexpr int kRegisters = 32;

// Which lanes of a vector take part.
struct Every {};
using Some = __mmask16;

inline Some first(int64_t n) { return static_cast<Some>((1u << n) - 1); }  // n < kLanes

inline Floats zero() { return _mm512_setzero_ps(); }
inline Floats broadcast(float x) { return _mm512_set1_ps(x); }
inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline Floats load(const float* p, Every) { return load(p); }
inline Floats load(const float* p, Some lanes) { return _mm512_maskz_loadu_ps(lanes, p); }
inline void store(float* p, Floats x) { _mm512_storeu_ps(p, x); }
inline void store(float* p, Floats x, Every) { store(p, x); }
inline void store(float* p, Floats x, Some lanes) { _mm512_mask_storeu_ps(p, lanes, x); }

// x in the given lanes, y in the others.
inline Floats select(Every, Floats x, Floats) { return x; }
inline Floats select(Some lanes, Floats x, Floats y) { return _mm512_mask_blend_ps(lanes, y, x); }

inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }    // ab + c
inline Floats fnma(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }  // c - ab
// y where either is NaN.
inline Floats min(Floats x, Floats y) { return _mm512_min_ps(x, y); }
inline Floats max(Floats x, Floats y) { return _mm512_max_ps(x, y); }
inline Floats round(Floats x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Some is_nan(Floats x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
// In least .. most; NaN becomes 0.
inline Floats clamp_or_zero(Floats x, Floats least, Floats most) {
  return _mm512_maskz_max_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), _mm512_min_ps(x, most), least);
}

// x * 2^n for integral n in -252 .. 254, rounded once.
inline Floats times_power_of_two(Floats x, Floats n) { return _mm512_scalef_ps(x, n); }

inline float reduce_add(Floats x) { return _mm512_reduce_add_ps(x); }
inline float reduce_min(Floats x) { return _mm512_reduce_min_ps(x); }
inline float reduce_max(Floats x) { return _mm512_reduce_max_ps(x); }

// kLanes elements of another type, as floats.
inline Floats load_f16(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
inline Floats load_bf16(const void* p) {
  const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}
inline Floats load_s8(const void* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))));
}
inline Floats load_u8(const void* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))));
}

// kLanes bytes: x rounded half to even, plus offset; the sums lie in 0 .. 255.
inline void store_u8(uint8_t* p, Floats x, int32_t offset) {
  const __m512i codes = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(offset));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(codes));
}

inline void store_u8(uint8_t* p, Floats x, int32_t offset, Every) { store_u8(p, x, offset); }
inline void store_u8(uint8_t* p, Floats x, int32_t offset, Some lanes) {
  const __m512i codes = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(offset));
  _mm512_mask_cvtepi32_storeu_epi8(p, lanes, codes);
}

// Bytes of some lanes as floats; the others are 0.
inline Floats load_u8(const void* p, Every) { return load_u8(p); }
inline Floats load_u8(const void* p, Some lanes) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, p)));
}

}  // namespace
}  // namespace demitasse::avx512
