// 4-bit codes in groups for AVX2 and few rows: u8 rows x packed codes, unpacked in registers.
//
//   x, read in place     panel [k/8][16][4]: one step = 2 vectors
//   row m   k0 .. k7     | n0: k0+k4  k1+k5  k2+k6  k3+k7 | n1: ... | .. n7 |  n8 .. n15 |
//                               `-- low half, high half of a byte
//           k0 .. k3 are broadcast for the low halves, k4 .. k7 for the high ones
//
// Exact although vpmaddubsw saturates: levels are within -15 .. 15, two pairs of products are at
// most 4 * 255 * 15 = 15,300, inside int16. Codebooks, whose levels reach 127, have
// u6u4g_2x16c8_avx2. Registers: 2 x 2 integer sums + 4 of levels + 2 broadcasts + table, mask, ones
// + 1 = 14; the float sums are in L1.
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
    const int8_t* zero_points = call.stored_zero_points;
    const int32_t* x_sums = nullptr;
    if (zero_points != nullptr) x_sums = call.group_sums + row * call.group_sums_stride;
    const __m256i levels =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(call.levels)));
    const __m256i half = _mm256_set1_epi8(0x0f), ones = _mm256_set1_epi16(1);
    for (int64_t left = call.steps; left > 0; left -= call.group_steps) {
      __v8si acc[MR][NV];
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = (__v8si)_mm256_setzero_si256();
      }
      for (int64_t step = left < call.group_steps ? left : call.group_steps; step > 0; --step) {
        __m256i low[NV], high[NV];
        UNROLL for (int j = 0; j < NV; ++j) {
          const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w) + j);
          if (j % 2 == 0) _mm_prefetch(w + 32 * j + kAhead, _MM_HINT_T0);
          low[j] = _mm256_shuffle_epi8(levels, _mm256_and_si256(codes, half));
          high[j] =
              _mm256_shuffle_epi8(levels, _mm256_and_si256(_mm256_srli_epi16(codes, 4), half));
        }
        w += 4 * kLanes * NV;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256i first = broadcast4(x + i * stride), second = broadcast4(x + i * stride + 4);
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(first, low[j]),
                                                   _mm256_maddubs_epi16(second, high[j]));
            acc[i][j] =
                (__v8si)_mm256_add_epi32((__m256i)acc[i][j], _mm256_madd_epi16(pairs, ones));
          }
        }
        x += 8;
      }
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) {
          __m256i sum = (__m256i)acc[i][j];
          if (zero_points != nullptr) {
            const __m256i zw = _mm256_cvtepi8_epi32(
                _mm_loadl_epi64(reinterpret_cast<const __m128i*>(zero_points + j * kLanes)));
            const __m256i x_sum = _mm256_set1_epi32(x_sums[i * call.group_sums_stride]);
            sum = _mm256_sub_epi32(sum, _mm256_mullo_epi32(x_sum, zw));
          }
          float* const f = sums + (i * NV + j) * kLanes;
          const __m256 scale = load_scale(scales, call.half_scales, j);
          _mm256_store_ps(f, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, _mm256_load_ps(f)));
        }
      }
      if (zero_points != nullptr) {
        zero_points += NV * kLanes;
        ++x_sums;
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

}  // namespace

// k_block is set by the weight: all of k. w_bytes: the panel is read where it lies, without
// scratch.
extern const MicroKernel u8u4g_2x16c8_avx2 = {.mr = kMr,
                                              .nr = kNv * kLanes,
                                              .kr = 8,
                                              .lanes = kLanes,
                                              .k_block = 0,
                                              .block_rows = 96,
                                              .x_bytes = 1,
                                              .w_bytes = 0,
                                              .run = run,
                                              .stored_groups = true};

}  // namespace demitasse
