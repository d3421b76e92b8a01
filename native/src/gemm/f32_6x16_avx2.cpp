// FP32 for AVX2: f32 rows x f32 panel.
//
//   x, read in place     panel [k][16]: one step = 2 vectors
//   row m   k0 k1 ...    | n0 n1 .. n7 | n8 .. n15 |
//           `--- broadcast to 8 lanes, fused multiply-add with each of the 2 vectors
//
// Registers: 6 x 2 sums + 2 of the panel + 1 broadcast = 15 of 16. A step issues 12 FMA (6 cycles
// at two per cycle) and 8 loads.
//
// Each output has one sum, built by FMA in ascending k, as in f32_8x48_avx512: both give the same
// bits.
// FP16 and BF16 panels are widened in registers, exactly: for few rows, which pass over a panel
// once.
#include <immintrin.h>

#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 6;
constexpr int kNv = 2;
constexpr int kLanes = 8;

// A vector of the panel as it is stored.
inline __m256 load(const float* p) { return _mm256_load_ps(p); }
inline __m256 load(const Float16* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m256 load(const BFloat16* p) {
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}

template <class Stored>
struct Panel {
  template <int MR, int NV>
  struct Tile {
    static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
      __m256 acc[MR][NV];
      float* const sums = static_cast<float*>(call.sums) + row * NV * kLanes;
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = _mm256_setzero_ps();
      }
      if (call.load_sums) {
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j) {
            acc[i][j] = _mm256_loadu_ps(sums + (i * NV + j) * kLanes);
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
        __m256 b[NV];
        UNROLL for (int j = 0; j < NV; ++j) b[j] = load(w + kLanes * j);
        w += kLanes * NV;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256 a = _mm256_set1_ps(x[i / 3][(i % 3) * stride]);
          UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = _mm256_fmadd_ps(a, b[j], acc[i][j]);
        }
        UNROLL for (int g = 0; g < (MR + 2) / 3; ++g)++ x[g];
      }

      if (call.store_sums) {
        UNROLL for (int i = 0; i < MR; ++i) {
          UNROLL for (int j = 0; j < NV; ++j) {
            _mm256_storeu_ps(sums + (i * NV + j) * kLanes, acc[i][j]);
          }
        }
        return;
      }
      UNROLL for (int j = 0; j < NV; ++j) {
        const __m256 column_scales = _mm256_loadu_ps(call.column_scales + j * kLanes);
        const __m256 bias = _mm256_loadu_ps(call.bias + j * kLanes);
        float* out = call.out[j] + row * call.out_stride;
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256 y = _mm256_mul_ps(acc[i][j], column_scales);
          _mm256_storeu_ps(out, _mm256_add_ps(y, bias));
          out += call.out_stride;
        }
      }
    }
  };
};

template <class Stored>
void run(const PanelCall& call) {
  if (call.vectors == 2) return all_tiles<Panel<Stored>::template Tile, kMr, 2>(call);
  all_tiles<Panel<Stored>::template Tile, kMr, 1>(call);
}

// k_block: 16 KB of the panel and 6 KB of rows, together in L1.
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

extern const MicroKernel f32_6x16_avx2 = kernel(4, run<float>);
// Without scratch: the panel is read where it lies.
extern const MicroKernel f32f16_6x16_avx2 = kernel(0, run<Float16>);
extern const MicroKernel f32bf16_6x16_avx2 = kernel(0, run<BFloat16>);

}  // namespace demitasse
