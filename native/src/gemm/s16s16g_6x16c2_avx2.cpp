// INT8 in groups for AVX2, exact: rows and panel widened to s16 -> int32 sums of a group -> f32
// sums.
//
//   x as s16, widened once per block of rows     panel [k/2][16][2] as s16: one step = 2 vectors
//   row m   k0 k1 ...                            | n0:k0 k1 | n1:k0 k1 | .. n7 |  n8 .. n15 |
//           `--- broadcast to 8 lanes, vpmaddwd with each of the 2 vectors, vpaddd
//   after each group: f = float(sum) * scale[group][n] + f, with f in L1
//
// Registers: 6 x 2 integer sums + 2 of the panel + 1 broadcast + 1 product = 16 of 16, as in
// s16s16_6x16c2_avx2; so the float sums are in memory.
#include <immintrin.h>

#include "gemm/grouped_tile.h"
#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"
#include "gemm/widen_avx2.h"

namespace demitasse {
namespace {

constexpr int kMr = 6;
constexpr int kNv = 2;
constexpr int kLanes = 8;

inline __m256i broadcast2(const int16_t* p) {
  int32_t pair;
  __builtin_memcpy(&pair, p, 4);
  return _mm256_set1_epi32(pair);
}

template <int MR, int NV>
struct Tile {
  static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
    float* const sums = static_cast<float*>(call.sums) + row * NV * kLanes;
    if (!call.load_sums) {
      UNROLL for (int i = 0; i < MR * NV; ++i) {
        _mm256_store_ps(sums + i * kLanes, _mm256_setzero_ps());
      }
    }
    const int64_t stride = call.x_stride / 2;
    const int16_t* x[(MR + 2) / 3];
    UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) {
      x[g] = static_cast<const int16_t*>(call.x) + (row + 3 * g) * stride;
    }
    const int16_t* w = static_cast<const int16_t*>(call.w);
    const float* scales = call.group_scales;
    for (int64_t left = call.steps; left > 0; left -= call.group_steps) {
      __v8si acc[MR][NV];
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = (__v8si)_mm256_setzero_si256();
      }
      for (int64_t step = left < call.group_steps ? left : call.group_steps; step > 0; --step) {
        __m256i b[NV];
        UNROLL for (int j = 0; j < NV; ++j) {
          b[j] = _mm256_load_si256(reinterpret_cast<const __m256i*>(w) + j);
        }
        w += 2 * kLanes * NV;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256i a = broadcast2(x[i / 3] + (i % 3) * stride);
          UNROLL for (int j = 0; j < NV; ++j) {
            acc[i][j] = (__v8si)_mm256_add_epi32((__m256i)acc[i][j], _mm256_madd_epi16(a, b[j]));
          }
        }
        UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) x[g] += 2;
      }
      UNROLL for (int j = 0; j < NV; ++j) {
        const __m256 scale = _mm256_loadu_ps(scales + j * kLanes);
        UNROLL for (int i = 0; i < MR; ++i) {
          float* const f = sums + (i * NV + j) * kLanes;
          const __m256 sum = _mm256_cvtepi32_ps((__m256i)acc[i][j]);
          _mm256_store_ps(f, _mm256_fmadd_ps(sum, scale, _mm256_load_ps(f)));
        }
      }
      scales += NV * kLanes;
      __asm__ volatile("" ::: "memory");  // or gcc moves the float sums to registers that it lacks
    }
    if (call.store_sums) return;

    store_results<MR, NV>(call, row, sums);
  }
};

void run(const PanelCall& call) {
  if (call.vectors == 2) return all_tiles<Tile, kMr, 2>(call);
  all_tiles<Tile, kMr, 1>(call);
}

}  // namespace

// k_block: 16 KB of the unpacked panel and 6 KB of rows, together in L1.
extern const MicroKernel s16s16g_6x16c2_avx2 = {.mr = kMr,
                                                .nr = kNv * kLanes,
                                                .kr = 2,
                                                .lanes = kLanes,
                                                .k_block = 512,
                                                .block_rows = 96,
                                                .x_bytes = 2,
                                                .w_bytes = 2,
                                                .run = run,
                                                .widen_x = widen_x};

}  // namespace demitasse
