// 4-bit codes in groups for AVX-512 and few f32 rows: the codes become f32 weights in registers, so
// that memory delivers half a byte per weight and nothing is written.
//
//   x, read in place     panel [k/8][48][4]: one step = 3 vectors
//   row m   k0 .. k7     | n0: k0+k4  k1+k5  k2+k6  k3+k7 | n1: ... | ... | n47: ... |
//                               `-- low half, high half of a byte
//           each k is shifted to the low four bits of its lane, which vpermps looks up
//
// Registers: 4 x 3 sums + 3 of codes + 3 of scales + 3 of zero points + 3 of weights + table,
// broadcast = 26 of 32.
//
// w = (level - zero point) * scale, rounded to f32, and one sum per output, built by FMA in
// ascending k: the bits of f32_8x48_avx512 with an unpacked panel.
#include <immintrin.h>

#include "gemm/grouped_tile.h"
#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 4;
constexpr int kNv = 3;
constexpr int kLanes = 16;
constexpr int kAhead = 6144;       // bytes, as in u8u4g_3x48c8_avx512
constexpr int kScalesAhead = 768;  // likewise

template <bool kZeroPoints>
struct Codes {
  template <int MR, int NV>
  struct Tile {
    static ALWAYS_INLINE __m512 weight(__m512i code, __m512 table, __m512 zero, __m512 scale) {
      const __m512 level = _mm512_permutexvar_ps(code, table);
      return _mm512_mul_ps(kZeroPoints ? _mm512_sub_ps(level, zero) : level, scale);
    }

    static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
      __m512 f[MR][NV];
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) f[i][j] = _mm512_setzero_ps();
      }
      const int64_t stride = call.x_stride / 4;
      const float* x[(MR + 2) / 3];
      UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) {
        x[g] = static_cast<const float*>(call.x) + (row + 3 * g) * stride;
      }
      const uint8_t* w = static_cast<const uint8_t*>(call.w);
      const char* scales = static_cast<const char*>(call.stored_scales);
      const int64_t scale_bytes = call.half_scales ? 2 : 4;
      const int8_t* zero_points = call.stored_zero_points;
      const __m512 table = _mm512_loadu_ps(call.float_levels);
      for (int64_t left = call.k; left > 0; left -= 8 * call.group_steps) {
        __m512 scale[NV], zero[NV];
        load_scales<NV>(scales, call.half_scales, scale);
        UNROLL for (int j = 0; j < NV; ++j) zero[j] = _mm512_setzero_ps();
        if constexpr (kZeroPoints) {
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m128i bytes =
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(zero_points) + j);
            zero[j] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
          }
          zero_points += NV * kLanes;
        }
        const int64_t k = left < 8 * call.group_steps ? left : 8 * call.group_steps;
        for (int64_t step = k / 8; step > 0; --step) {
          __m512i codes[NV];
          UNROLL for (int j = 0; j < NV; ++j) {
            codes[j] = _mm512_load_si512(w + 64 * j);
            _mm_prefetch(w + 64 * j + kAhead, _MM_HINT_T0);
          }
          w += 64 * NV;
          UNROLL for (int l = 0; l < 8; ++l) {
            __m512 b[NV];
            UNROLL for (int j = 0; j < NV; ++j) {
              b[j] = weight(_mm512_srli_epi32(codes[j], l % 4 * 8 + l / 4 * 4), table, zero[j],
                            scale[j]);
            }
            UNROLL for (int i = 0; i < MR; ++i) {
              const __m512 a = _mm512_set1_ps(x[i / 3][(i % 3) * stride + l]);
              UNROLL for (int j = 0; j < NV; ++j) f[i][j] = _mm512_fmadd_ps(a, b[j], f[i][j]);
            }
          }
          UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) x[g] += 8;
        }
        // Behind the last whole step of all k; nothing behind a row is read.
        for (int64_t l = 0; l < k % 8; ++l) {
          const __m128i shift = _mm_cvtsi64_si128(l % 4 * 8 + l / 4 * 4);
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m512i code = _mm512_srl_epi32(_mm512_load_si512(w + 64 * j), shift);
            const __m512 b = weight(code, table, zero[j], scale[j]);
            UNROLL for (int i = 0; i < MR; ++i) {
              const __m512 a = _mm512_set1_ps(x[i / 3][(i % 3) * stride + l]);
              f[i][j] = _mm512_fmadd_ps(a, b, f[i][j]);
            }
          }
        }
        _mm_prefetch(scales + kScalesAhead, _MM_HINT_T0);
        _mm_prefetch(scales + kScalesAhead + 64, _MM_HINT_T0);
        scales += NV * kLanes * scale_bytes;
      }

      UNROLL for (int j = 0; j < NV; ++j) {
        const __m512 bias = _mm512_loadu_ps(call.bias + j * kLanes);
        float* out = call.out[j] + row * call.out_stride;
        UNROLL for (int i = 0; i < MR; ++i) {
          _mm512_storeu_ps(out, _mm512_add_ps(f[i][j], bias));
          out += call.out_stride;
        }
      }
    }
  };
};

template <bool kZeroPoints>
void run_tiles(const PanelCall& call) {
  if (call.vectors == 3) return all_tiles<Codes<kZeroPoints>::template Tile, kMr, 3>(call);
  if (call.vectors == 2) return all_tiles<Codes<kZeroPoints>::template Tile, kMr, 2>(call);
  all_tiles<Codes<kZeroPoints>::template Tile, kMr, 1>(call);
}

void run(const PanelCall& call) {
  call.stored_zero_points != nullptr ? run_tiles<true>(call) : run_tiles<false>(call);
}

}  // namespace

// k_block is set by the weight: all of k. w_bytes: the panel is read where it lies, without
// scratch.
extern const MicroKernel f32u4g_4x48c8_avx512 = {.mr = kMr,
                                                 .nr = kNv * kLanes,
                                                 .kr = 8,
                                                 .lanes = kLanes,
                                                 .k_block = 0,
                                                 .block_rows = 96,
                                                 .x_bytes = 4,
                                                 .w_bytes = 0,
                                                 .run = run,
                                                 .stored_groups = true};

}  // namespace demitasse
