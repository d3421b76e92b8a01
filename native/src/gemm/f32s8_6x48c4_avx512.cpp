// f32 rows x s8 codes for AVX-512 and few rows: codes become floats in registers, so that a pass
// over the weight reads a quarter of what FP32 would.
//
//   x, read in place     panel [k / 4][48][4]: one step = 3 vectors
//   row m   k0 .. k3     | n0: k0 k1 k2 k3 | n1: k0 k1 k2 k3 | ..
//            |                  `--- shifted to the top of its 32 bits and back, less the column's
//            |                       zero point, as float
//            `--- broadcast to 16 lanes, fused multiply-add with each of the 3 vectors
//
// Registers: 6 x 3 sums + 3 of codes + 3 of weights + 3 of zero points + 1 broadcast = 28 of 32.
//
// Each output has one sum, built by FMA in ascending k, as in f32_8x48_avx512 over widened panels:
// both give the same bits.
#include <immintrin.h>

#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 6;
constexpr int kNv = 3;
constexpr int kLanes = 16;
constexpr int kKr = 4;

// Code q of each column.
[[gnu::always_inline]] inline __m512i code(__m512i codes, int q) {
  return _mm512_srai_epi32(_mm512_slli_epi32(codes, 24 - 8 * q), 24);
}

template <bool kZeroPoints>
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
      const int8_t* w = static_cast<const int8_t*>(call.w);
      const int32_t* const zero_points = call.column_zero_points;
      const auto add_products = [&](const __m512i* codes, int q) __attribute__((always_inline)) {
        __m512 b[NV];
        UNROLL for (int j = 0; j < NV; ++j) {
          __m512i distance = code(codes[j], q);
          if constexpr (kZeroPoints) {
            distance = _mm512_sub_epi32(distance, _mm512_loadu_si512(zero_points + j * kLanes));
          }
          b[j] = _mm512_cvtepi32_ps(distance);
        }
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m512 a = _mm512_set1_ps(x[i / 3][(i % 3) * stride + q]);
          UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = _mm512_fmadd_ps(a, b[j], acc[i][j]);
        }
      };
      const auto load_codes = [&](__m512i * codes) __attribute__((always_inline)) {
        UNROLL for (int j = 0; j < NV; ++j) codes[j] = _mm512_load_si512(w + kKr * kLanes * j);
        w += kKr * kLanes * NV;
      };
      for (int64_t step = call.k / kKr; step > 0; --step) {
        __m512i codes[NV];
        load_codes(codes);
        UNROLL for (int q = 0; q < kKr; ++q) add_products(codes, q);
        UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) x[g] += kKr;
      }
      if (call.k % kKr != 0) {  // x ends here
        __m512i codes[NV];
        load_codes(codes);
        for (int q = 0; q < call.k % kKr; ++q) add_products(codes, q);
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

template <bool kZeroPoints>
void run(const PanelCall& call) {
  if (call.vectors == 3) return all_tiles<Panel<kZeroPoints>::template Tile, kMr, 3>(call);
  if (call.vectors == 2) return all_tiles<Panel<kZeroPoints>::template Tile, kMr, 2>(call);
  all_tiles<Panel<kZeroPoints>::template Tile, kMr, 1>(call);
}

void run(const PanelCall& call) {
  if (call.column_zero_points != nullptr) return run<true>(call);
  run<false>(call);
}

}  // namespace

// Without scratch: the panel is read where it lies.
extern const MicroKernel f32s8_6x48c4_avx512 = {.mr = kMr,
                                                .nr = kNv * kLanes,
                                                .kr = kKr,
                                                .lanes = kLanes,
                                                .k_block = 1024,
                                                .block_rows = 96,
                                                .x_bytes = 4,
                                                .w_bytes = 0,
                                                .run = run};

}  // namespace demitasse
