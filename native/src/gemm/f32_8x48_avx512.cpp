// FP32 for AVX-512: f32 rows x f32 panel.
//
//   x, read in place     panel [k][48]: one step = 3 vectors
//   row m   k0 k1 ...    | n0 n1 .. n15 | n16 .. n31 | n32 .. n47 |
//           `--- broadcast to 16 lanes, fused multiply-add with each of the 3 vectors
//
// Registers: 8 x 3 sums + 3 of the panel + 1 broadcast = 28 of 32. A step issues 24 FMA (12 cycles
// at two per cycle) and 11 loads (6 cycles).
//
// Each output has one sum, built by FMA in ascending k, whatever the tile, the block or the thread;
// f32_6x16_avx2 does the same, so both give the same bits.
// FP16 and BF16 panels are widened in registers, exactly: for few rows, which pass over a panel
// once.
#include <immintrin.h>

#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 8;
constexpr int kNv = 3;
constexpr int kLanes = 16;

// A vector of the panel as it is stored.
inline __m512 load(const float* p) { return _mm512_load_ps(p); }
inline __m512 load(const Float16* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline __m512 load(const BFloat16* p) {
  const __m512i bits =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}

template <class Stored>
struct Panel {
  template <int MR, int NV>
  struct Tile {
    static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
      __m512 acc[MR][NV];
      float* const sums = static_cast<float*>(call.sums) + row * NV * kLanes;
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = _mm512_setzero_ps();
      }
      if (call.load_sums) {
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j) {
            acc[i][j] = _mm512_load_ps(sums + (i * NV + j) * kLanes);
          }
        }
      }

      const int64_t stride = call.x_stride / 4;
      const float* x[(MR + 2) / 3];
      UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) {
        x[g] = static_cast<const float*>(call.x) + (row + 3 * g) * stride;
      }
      const Stored* w = static_cast<const Stored*>(call.w);
      for (int64_t step = call.steps; step > 0; --step) {
        __m512 b[NV];
        UNROLL for (int j = 0; j < NV; ++j) b[j] = load(w + kLanes * j);
        w += kLanes * NV;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m512 a = _mm512_set1_ps(x[i / 3][(i % 3) * stride]);
          UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = _mm512_fmadd_ps(a, b[j], acc[i][j]);
        }
        UNROLL for (int g = 0; g < (MR + 2) / 3; ++g)++ x[g];
      }

      if (call.store_sums) {
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j)
              _mm512_store_ps(sums + (i * NV + j) * kLanes, acc[i][j]);
        }
        return;
      }
      UNROLL for (int j = 0; j < NV; ++j) {
        const __m512 column_scales = _mm512_loadu_ps(call.column_scales + j * kLanes);
        const __m512 bias = _mm512_loadu_ps(call.bias + j * kLanes);
        float* out = call.out[j] + row * call.out_stride;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m512 y = _mm512_mul_ps(acc[i][j], column_scales);
          _mm512_storeu_ps(out, _mm512_add_ps(y, bias));
          out += call.out_stride;
        }
      }
    }
  };
};

template <class Stored>
void run(const PanelCall& call) {
  if (call.vectors == 3) return all_tiles<Panel<Stored>::template Tile, kMr, 3>(call);
  if (call.vectors == 2) return all_tiles<Panel<Stored>::template Tile, kMr, 2>(call);
  all_tiles<Panel<Stored>::template Tile, kMr, 1>(call);
}

// k_block: 48 KB of the panel, which L1 or L2 delivers at the 16 bytes per cycle that are needed.
constexpr MicroKernel kernel(int w_bytes, void (*run)(const PanelCall&)) {
  return {.mr = kMr,
          .nr = kNv * kLanes,
          .kr = 1,
          .lanes = kLanes,
          .k_block = 256,
          .block_rows = 96,
          .x_bytes = 4,
          .w_bytes = w_bytes,
          .run = run};
}

}  // namespace

extern const MicroKernel f32_8x48_avx512 = kernel(4, run<float>);
// Without scratch: the panel is read where it lies.
extern const MicroKernel f32f16_8x48_avx512 = kernel(0, run<Float16>);
extern const MicroKernel f32bf16_8x48_avx512 = kernel(0, run<BFloat16>);

}  // namespace demitasse
