// 4-bit codes of a codebook in groups for AVX2 and few rows: u8 rows in two pieces x packed codes,
// looked up in registers.
//
//   x, cut once: code = 4 * high + low         panel [k/8][16][4]: one step = 2 vectors
//   row m   high of k0 .. k3 | low of k0 .. k3 | n0: k0+k4  k1+k5  k2+k6  k3+k7 | n1: ... | .. n15
//   |
//           high of k4 .. k7 | low of k4 .. k7 |     `-- low half, high half of a byte
//
// Levels reach 127, so that vpmaddubsw would saturate with codes of 8 bits. It does not with their
// upper 6 bits: two pairs of products are at most 4 * 63 * 127 = 32,004, inside int16. Those with
// the lower 2 bits are at most 4 * 3 * 127 = 1,524 in a step, so that int16 holds 21 steps.
//
// Registers: 2 x 2 sums of high pieces + 2 x 2 of low ones + 2 of levels + 2 broadcasts + table,
// mask, fours + 1 = 16; the float sums are in L1.
#include <immintrin.h>

#include "gemm/grouped_tile.h"
#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 2;
constexpr int kNv = 2;
constexpr int kLanes = 8;
constexpr int kAhead = 6144;       // bytes, as in u8u4g_3x48c8_avx512
constexpr int kScalesAhead = 768;  // likewise
constexpr int64_t kLowSteps = 16;  // between emptying the int16 sums

inline __m256i broadcast4(const uint8_t* p) {
  int32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  return _mm256_set1_epi32(bytes);
}

template <int MR, int NV>
struct Tile {
  static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
    float* const sums = static_cast<float*>(call.sums) + row * NV * kLanes;
    UNROLL for (int i = 0; i < MR * NV; ++i) {
      _mm256_store_ps(sums + i * kLanes, _mm256_setzero_ps());
    }
    const int64_t stride = call.x_stride;
    const uint8_t* x = static_cast<const uint8_t*>(call.x) + row * stride;
    const uint8_t* w = static_cast<const uint8_t*>(call.w);
    const char* scales = static_cast<const char*>(call.stored_scales);
    const int64_t scale_bytes = call.half_scales ? 2 : 4;
    const __m256i levels =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(call.levels)));
    const __m256i half = _mm256_set1_epi8(0x0f);
    for (int64_t left = call.steps; left > 0; left -= call.group_steps) {
      __v8si acc[MR][NV];
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = (__v8si)_mm256_setzero_si256();
      }
      int64_t steps = left < call.group_steps ? left : call.group_steps;
      while (steps > 0) {
        __v16hi low_acc[MR][NV];
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j) low_acc[i][j] = (__v16hi)_mm256_setzero_si256();
        }
        const __m256i fours = _mm256_set1_epi16(4);
        for (int64_t step = steps < kLowSteps ? steps : kLowSteps; step > 0; --step) {
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w) + j);
            if (j % 2 == 0) _mm_prefetch(w + 32 * j + kAhead, _MM_HINT_T0);
            const __m256i first = _mm256_shuffle_epi8(levels, _mm256_and_si256(codes, half));
            const __m256i second =
                _mm256_shuffle_epi8(levels, _mm256_and_si256(_mm256_srli_epi16(codes, 4), half));
            UNROLL for (int i = 0; i < MR; ++i) {
              const uint8_t* const p = x + i * stride;
              const __m256i high =
                  _mm256_add_epi16(_mm256_maddubs_epi16(broadcast4(p), first),
                                   _mm256_maddubs_epi16(broadcast4(p + 8), second));
              acc[i][j] =
                  (__v8si)_mm256_add_epi32((__m256i)acc[i][j], _mm256_madd_epi16(high, fours));
              const __m256i low =
                  _mm256_add_epi16(_mm256_maddubs_epi16(broadcast4(p + 4), first),
                                   _mm256_maddubs_epi16(broadcast4(p + 12), second));
              low_acc[i][j] = (__v16hi)_mm256_add_epi16((__m256i)low_acc[i][j], low);
            }
          }
          w += 4 * kLanes * NV;
          x += 16;
        }
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m256i low = _mm256_madd_epi16((__m256i)low_acc[i][j], _mm256_set1_epi16(1));
            acc[i][j] = (__v8si)_mm256_add_epi32((__m256i)acc[i][j], low);
          }
        }
        steps -= kLowSteps;
      }
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) {
          float* const f = sums + (i * NV + j) * kLanes;
          const __m256 scale = load_scale(scales, call.half_scales, j);
          _mm256_store_ps(
              f, _mm256_fmadd_ps(_mm256_cvtepi32_ps((__m256i)acc[i][j]), scale, _mm256_load_ps(f)));
        }
      }
      _mm_prefetch(scales + kScalesAhead, _MM_HINT_T0);
      scales += NV * kLanes * scale_bytes;
      __asm__ volatile("" ::: "memory");  // or gcc moves the float sums to registers that it lacks
    }

    store_results<MR, NV>(call, row, sums);
  }
};

void run(const PanelCall& call) {
  if (call.vectors == 2) return all_tiles<Tile, kMr, 2>(call);
  all_tiles<Tile, kMr, 1>(call);
}

// Of each four codes the upper 6 bits, then the lower 2, a byte each. count: a multiple of 8.
void cut_x(const uint8_t* from, int16_t* to, int64_t count) {
  const __m128i low_bits = _mm_set1_epi8(3), high_bits = _mm_set1_epi8(63);
  auto* const pieces = reinterpret_cast<uint8_t*>(to);
  for (int64_t i = 0; i < count; i += 8) {
    const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i));
    const __m128i high = _mm_and_si128(_mm_srli_epi16(codes, 2), high_bits);
    const __m128i low = _mm_and_si128(codes, low_bits);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(pieces + 2 * i), _mm_unpacklo_epi32(high, low));
  }
}

}  // namespace

// k_block is set by the weight: all of k. w_bytes: the panel is read where it lies, without
// scratch.
extern const MicroKernel u6u4g_2x16c8_avx2 = {.mr = kMr,
                                              .nr = kNv * kLanes,
                                              .kr = 8,
                                              .lanes = kLanes,
                                              .k_block = 0,
                                              .block_rows = 96,
                                              .x_bytes = 2,
                                              .w_bytes = 0,
                                              .run = run,
                                              .widen_x = cut_x,
                                              .stored_groups = true};

}  // namespace demitasse
