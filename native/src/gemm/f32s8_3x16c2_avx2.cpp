// f32 rows x s8 codes for AVX2 and few rows: codes become floats in registers, so that a pass over
// the weight reads a quarter of what FP32 would.
//
//   x, read in place     panel [k / 2][16][2]: one step = 2 vectors, widened to s16 when loaded
//   row m   k0 k1        | n0: k0 k1 | n1: k0 k1 | ..
//            |              `--- shifted to the top of its 32 bits and back, less the column's zero
//            |                   point, as float
//            `--- broadcast to 8 lanes, fused multiply-add with each of the 2 vectors
//
// Registers: 3 x 2 sums + 2 of codes + 2 of weights + 2 of zero points + 1 broadcast = 13 of 16.
//
// Each output has one sum, built by FMA in ascending k, as in f32_6x16_avx2 over widened panels:
// both give the same bits.
#include <immintrin.h>

#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 3;
constexpr int kNv = 2;
constexpr int kLanes = 8;
constexpr int kKr = 2;

// Code q of each column of [8][2], widened to s16.
[[gnu::always_inline]] inline __m256i code(__m256i codes, int q) {
  return _mm256_srai_epi32(_mm256_slli_epi32(codes, 16 - 16 * q), 16);
}

[[gnu::always_inline]] inline __m256i load_s32(const int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

template <bool kZeroPoints>
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
      const int8_t* w = static_cast<const int8_t*>(call.w);
      const int32_t* const zero_points = call.column_zero_points;
      const auto add_products = [&](const __m256i* codes, int q) __attribute__((always_inline)) {
        __m256 b[NV];
        UNROLL for (int j = 0; j < NV; ++j) {
          __m256i distance = code(codes[j], q);
          if constexpr (kZeroPoints) {
            distance = _mm256_sub_epi32(distance, load_s32(zero_points + j * kLanes));
          }
          b[j] = _mm256_cvtepi32_ps(distance);
        }
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256 a = _mm256_set1_ps(x[i / 3][(i % 3) * stride + q]);
          UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = _mm256_fmadd_ps(a, b[j], acc[i][j]);
        }
      };
      const auto load_codes = [&](__m256i * codes) __attribute__((always_inline)) {
        UNROLL for (int j = 0; j < NV; ++j) {
          codes[j] = _mm256_cvtepi8_epi16(
              _mm_load_si128(reinterpret_cast<const __m128i*>(w + kKr * kLanes * j)));
        }
        w += kKr * kLanes * NV;
      };
      for (int64_t step = call.k / kKr; step > 0; --step) {
        __m256i codes[NV];
        load_codes(codes);
        UNROLL for (int q = 0; q < kKr; ++q) add_products(codes, q);
        UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) x[g] += kKr;
      }
      if (call.k % kKr != 0) {  // x ends here
        __m256i codes[NV];
        load_codes(codes);
        for (int q = 0; q < call.k % kKr; ++q) add_products(codes, q);
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

template <bool kZeroPoints>
void run(const PanelCall& call) {
  if (call.vectors == 2) return all_tiles<Panel<kZeroPoints>::template Tile, kMr, 2>(call);
  all_tiles<Panel<kZeroPoints>::template Tile, kMr, 1>(call);
}

void run(const PanelCall& call) {
  if (call.column_zero_points != nullptr) return run<true>(call);
  run<false>(call);
}

}  // namespace

// Without scratch: the panel is read where it lies.
extern const MicroKernel f32s8_3x16c2_avx2 = {.mr = kMr,
                                              .nr = kNv * kLanes,
                                              .kr = kKr,
                                              .lanes = kLanes,
                                              .k_block = 1024,
                                              .block_rows = 96,
                                              .x_bytes = 4,
                                              .w_bytes = 0,
                                              .run = run};

}  // namespace demitasse
