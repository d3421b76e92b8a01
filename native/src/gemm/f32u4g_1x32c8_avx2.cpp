// 4-bit codes in groups for AVX2 and few f32 rows: the codes become f32 weights in registers, a row
// after the other.
//
//   x, read in place     two panels [k/8][16][4]: one step = 4 vectors
//   row m   k0 .. k7     | n0: k0+k4  k1+k5  k2+k6  k3+k7 | n1: ... | ... | n15: ... |
//                               `-- low half, high half of a byte
//
// Each k is shifted to a place where it is a signed number or, of a codebook, an index of two
// tables. Four sums are as many as hide the four cycles of an FMA behind the work for the weights.
// Registers: 4 sums + 4 of codes + 4 of scales or zero points or 2 tables + broadcast, weight, 2
// more = 16; with zero points or tables the scales are in L1.
//
// w = (level - zero point) * scale, rounded to f32, and one sum per output, built by FMA in
// ascending k: the bits of f32_6x16_avx2 with an unpacked panel.
#include <immintrin.h>

#include "gemm/grouped_tile.h"
#include "gemm/micro_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kNv = 4;
constexpr int kLanes = 8;
constexpr int kAhead = 6144;       // bytes, as in u8u4g_3x48c8_avx512
constexpr int kScalesAhead = 768;  // likewise

// What codes stand for: numbers with a step of 1, such numbers less zero points, table entries.
// Symmetric: code - 8.
enum class Levels { symmetric, shifted, table };

inline __m256i load(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

template <Levels kLevels>
struct Codes {
  template <int MR, int NV>
  struct Tile {
    static_assert(MR == 1);
    // Vectors in a step of the panel that holds vector j; the last panel may have one.
    static constexpr int step_vectors(int j) { return NV - j / 2 * 2 >= 2 ? 2 : 1; }

    // up: codes shifted left so that the wanted one is at the top; down: right, at the bottom.
    static ALWAYS_INLINE __m256 weight(__m256i up, __m256i down, __m256 low_levels,
                                       __m256 high_levels, __m256 zero, __m256 scale) {
      if constexpr (kLevels == Levels::table) {
        const __m256 low = _mm256_permutevar8x32_ps(low_levels, down);
        const __m256 high = _mm256_permutevar8x32_ps(high_levels, down);
        return _mm256_mul_ps(_mm256_blendv_ps(low, high, _mm256_castsi256_ps(up)), scale);
      }
      if constexpr (kLevels == Levels::shifted) {
        const __m256 code = _mm256_cvtepi32_ps(_mm256_srli_epi32(up, 28));
        return _mm256_mul_ps(_mm256_sub_ps(code, zero), scale);
      }
      return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srai_epi32(up, 28)), scale);
    }

    static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
      __m256 f[NV];
      UNROLL for (int j = 0; j < NV; ++j) f[j] = _mm256_setzero_ps();
      const float* x = static_cast<const float*>(call.x) + row * (call.x_stride / 4);
      const uint8_t* w[2] = {static_cast<const uint8_t*>(call.w),
                             static_cast<const uint8_t*>(call.w) + call.w_panel_stride};
      const int64_t scale_bytes = call.half_scales ? 2 : 4;
      const char* scales[2] = {static_cast<const char*>(call.stored_scales),
                               static_cast<const char*>(call.stored_scales) +
                                   call.parameters_panel_stride * scale_bytes};
      const int8_t* zero_points[2] = {call.stored_zero_points, call.stored_zero_points};
      if (zero_points[1] != nullptr) zero_points[1] += call.parameters_panel_stride;
      float* const widened = static_cast<float*>(call.sums) + row * NV * kLanes;  // scales
      const __m256 low_levels = _mm256_loadu_ps(call.float_levels);
      const __m256 high_levels = _mm256_loadu_ps(call.float_levels + 8);
      // Codes of symmetric levels as two's complement: code - 8.
      const __m256i sign = _mm256_set1_epi8(kLevels == Levels::symmetric ? int8_t{-0x78} : 0);
      const __m256 first_level = _mm256_set1_ps(call.float_levels[0]);
      for (int64_t left = call.k; left > 0; left -= 8 * call.group_steps) {
        __m256 scale[NV], zero[NV];
        UNROLL for (int j = 0; j < NV; ++j) {
          scale[j] = load_scale(scales[j / 2], call.half_scales, j % 2);
          zero[j] = _mm256_setzero_ps();
          if constexpr (kLevels == Levels::shifted) {
            if (zero_points[0] != nullptr) {
              zero[j] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(
                  reinterpret_cast<const __m128i*>(zero_points[j / 2] + j % 2 * kLanes))));
            }
            zero[j] = _mm256_sub_ps(zero[j], first_level);
          }
        }
        if constexpr (kLevels != Levels::symmetric) {
          UNROLL for (int j = 0; j < NV; ++j) _mm256_store_ps(widened + j * kLanes, scale[j]);
        }
        const int64_t k = left < 8 * call.group_steps ? left : 8 * call.group_steps;
        for (int64_t step = k / 8; step > 0; --step) {
          __m256i codes[NV];
          UNROLL for (int j = 0; j < NV; ++j) {
            codes[j] = _mm256_xor_si256(load(w[j / 2] + 32 * (j % 2)), sign);
            if (j % 2 == 0) _mm_prefetch(w[j / 2] + kAhead, _MM_HINT_T0);
          }
          UNROLL for (int l = 0; l < 8; ++l) {
            const __m256 a = _mm256_set1_ps(x[l]);
            const int at = l % 4 * 8 + l / 4 * 4;
            UNROLL for (int j = 0; j < NV; ++j) {
              const __m256 s =
                  kLevels == Levels::symmetric ? scale[j] : _mm256_load_ps(widened + j * kLanes);
              const __m256 b =
                  weight(_mm256_slli_epi32(codes[j], 28 - at), _mm256_srli_epi32(codes[j], at),
                         low_levels, high_levels, zero[j], s);
              f[j] = _mm256_fmadd_ps(a, b, f[j]);
            }
            if constexpr (kLevels != Levels::symmetric) {
              __asm__ volatile("" ::: "memory");  // or gcc moves the scales to registers it lacks
            }
          }
          UNROLL for (int j = 0; j < NV; j += 2) w[j / 2] += 32 * step_vectors(j);
          x += 8;
        }
        // Behind the last whole step of all k; nothing behind a row is read.
        for (int64_t l = 0; l < k % 8; ++l) {
          const __m256 a = _mm256_set1_ps(x[l]);
          const int64_t at = l % 4 * 8 + l / 4 * 4;
          const __m128i left_shift = _mm_cvtsi64_si128(28 - at),
                        right_shift = _mm_cvtsi64_si128(at);
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m256i codes = _mm256_xor_si256(load(w[j / 2] + 32 * (j % 2)), sign);
            const __m256 b =
                weight(_mm256_sll_epi32(codes, left_shift), _mm256_srl_epi32(codes, right_shift),
                       low_levels, high_levels, zero[j], scale[j]);
            f[j] = _mm256_fmadd_ps(a, b, f[j]);
          }
        }
        UNROLL for (int j = 0; j < NV; j += 2) {
          _mm_prefetch(scales[j / 2] + kScalesAhead, _MM_HINT_T0);
          scales[j / 2] += kLanes * step_vectors(j) * scale_bytes;
          if (kLevels == Levels::shifted && zero_points[j / 2] != nullptr) {
            zero_points[j / 2] += kLanes * step_vectors(j);
          }
        }
      }

      UNROLL for (int j = 0; j < NV; ++j) {
        const __m256 bias = _mm256_loadu_ps(call.bias + j * kLanes);
        _mm256_storeu_ps(call.out[j] + row * call.out_stride, _mm256_add_ps(f[j], bias));
      }
    }
  };
};

template <Levels kLevels>
void run_tiles(const PanelCall& call) {
  if (call.vectors == 4) return all_tiles<Codes<kLevels>::template Tile, 1, 4>(call);
  if (call.vectors == 3) return all_tiles<Codes<kLevels>::template Tile, 1, 3>(call);
  if (call.vectors == 2) return all_tiles<Codes<kLevels>::template Tile, 1, 2>(call);
  all_tiles<Codes<kLevels>::template Tile, 1, 1>(call);
}

void run(const PanelCall& call) {
  if (!call.even_levels) return run_tiles<Levels::table>(call);
  if (call.stored_zero_points != nullptr || call.float_levels[8] != 0) {
    return run_tiles<Levels::shifted>(call);
  }
  run_tiles<Levels::symmetric>(call);
}

}  // namespace

// k_block is set by the weight: all of k. w_bytes: the panels are read where they lie, without
// scratch.
extern const MicroKernel f32u4g_1x32c8_avx2 = {.mr = 1,
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
