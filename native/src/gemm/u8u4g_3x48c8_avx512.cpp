// 4-bit codes in groups for AVX-512 VNNI and few rows: u8 rows x packed codes, unpacked in
// registers, so that memory delivers half a byte per weight and nothing is written.
//
//   x, read in place     panel [k/8][48][4]: one step = 3 vectors
//   row m   k0 .. k7     | n0: k0+k4  k1+k5  k2+k6  k3+k7 | n1: ... | ... | n47: ... |
//                               `-- low half, high half of a byte
//           k0 .. k3 are broadcast for the low halves, k4 .. k7 for the high ones
//
// vpshufb looks up what a code stands for: the code less the zero point, or a codebook's level.
// Registers: 3 x 3 integer sums + 3 x 3 float sums + 2 x 3 of levels + table, mask, 2 broadcasts =
// 28 of 32. One row has two integer sums per column, since three chains would wait for vpdpbusd.
#include <immintrin.h>

#include "gemm/grouped_tile.h"
#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 3;
constexpr int kNv = 3;
constexpr int kLanes = 16;
constexpr int kAhead = 6144;       // bytes: on Zen 5, 80 to 85 % of the memory's rate, not 68 %
constexpr int kScalesAhead = 768;  // bytes: of as many codes, in groups of 32

inline __m512i broadcast4(const uint8_t* p) {
  int32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  return _mm512_set1_epi32(bytes);
}

template <int MR, int NV>
struct Tile {
  static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
    constexpr int kHigh = MR == 1 ? 1 : 0;  // the sums that high halves are added to
    __m512 f[MR][NV];
    UNROLL for (int i = 0; i < MR; ++i) {
      UNROLL for (int j = 0; j < NV; ++j) f[i][j] = _mm512_setzero_ps();
    }
    const int64_t stride = call.x_stride;
    const uint8_t* x = static_cast<const uint8_t*>(call.x) + row * stride;
    const uint8_t* w = static_cast<const uint8_t*>(call.w);
    const char* scales = static_cast<const char*>(call.stored_scales);
    const int64_t scale_bytes = call.half_scales ? 2 : 4;
    const int8_t* zero_points = call.stored_zero_points;
    const int32_t* x_sums = nullptr;
    if (zero_points != nullptr) x_sums = call.group_sums + row * call.group_sums_stride;
    const __m512i levels =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(call.levels)));
    const __m512i half = _mm512_set1_epi8(0x0f);
    for (int64_t left = call.steps; left > 0; left -= call.group_steps) {
      __v16si acc[kHigh + 1][MR][NV];
      UNROLL for (int h = 0; h <= kHigh; ++h) {
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j) acc[h][i][j] = (__v16si)_mm512_setzero_si512();
        }
      }
      for (int64_t step = left < call.group_steps ? left : call.group_steps; step > 0; --step) {
        __m512i low[NV], high[NV];
        UNROLL for (int j = 0; j < NV; ++j) {
          const __m512i codes = _mm512_load_si512(w + 64 * j);
          _mm_prefetch(w + 64 * j + kAhead, _MM_HINT_T0);
          low[j] = _mm512_shuffle_epi8(levels, _mm512_and_si512(codes, half));
          high[j] =
              _mm512_shuffle_epi8(levels, _mm512_and_si512(_mm512_srli_epi16(codes, 4), half));
        }
        w += 64 * NV;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m512i first = broadcast4(x + i * stride), second = broadcast4(x + i * stride + 4);
          UNROLL for (int j = 0; j < NV; ++j) {
            acc[0][i][j] = (__v16si)_mm512_dpbusd_epi32((__m512i)acc[0][i][j], first, low[j]);
            acc[kHigh][i][j] =
                (__v16si)_mm512_dpbusd_epi32((__m512i)acc[kHigh][i][j], second, high[j]);
          }
        }
        x += 8;
      }
      if constexpr (kHigh == 1) {
        UNROLL for (int j = 0; j < NV; ++j) {
          acc[0][0][j] =
              (__v16si)_mm512_add_epi32((__m512i)acc[0][0][j], (__m512i)acc[kHigh][0][j]);
        }
      }
      if (zero_points != nullptr) {
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m512i x_sum = _mm512_set1_epi32(x_sums[i * call.group_sums_stride]);
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m512i zw = _mm512_cvtepi8_epi32(
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(zero_points) + j));
            acc[0][i][j] =
                (__v16si)_mm512_sub_epi32((__m512i)acc[0][i][j], _mm512_mullo_epi32(x_sum, zw));
          }
        }
        zero_points += NV * kLanes;
        ++x_sums;
      }
      __m512 scale[NV];
      load_scales<NV>(scales, call.half_scales, scale);
      UNROLL for (int j = 0; j < NV; ++j) {
        UNROLL for (int i = 0; i < MR; ++i) {
          f[i][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)acc[0][i][j]), scale[j], f[i][j]);
        }
      }
      _mm_prefetch(scales + kScalesAhead, _MM_HINT_T0);
      _mm_prefetch(scales + kScalesAhead + 64, _MM_HINT_T0);
      scales += NV * kLanes * scale_bytes;
    }

    store_results(call, row, f);
  }
};

void run(const PanelCall& call) {
  if (call.vectors == 3) return all_tiles<Tile, kMr, 3>(call);
  if (call.vectors == 2) return all_tiles<Tile, kMr, 2>(call);
  all_tiles<Tile, kMr, 1>(call);
}

}  // namespace

// k_block is set by the weight: all of k, so that sums never leave the registers. w_bytes: the
// panel is read where it lies, without scratch.
extern const MicroKernel u8u4g_3x48c8_avx512 = {.mr = kMr,
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
