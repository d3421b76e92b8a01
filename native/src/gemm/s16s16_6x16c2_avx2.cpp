// INT8 for AVX2, exact: rows and panel widened to s16 -> int32 sums -> f32.
//
//   x as s16, widened once per block of rows     panel [k/2][16][2] as s16: one step = 2 vectors
//   row m   k0 k1 ...                            | n0:k0 k1 | n1:k0 k1 | .. n7 |  n8 .. n15 |
//           `--- broadcast to 8 lanes, vpmaddwd with each of the 2 vectors, vpaddd
//
// Registers: 6 x 2 sums + 2 of the panel + 1 broadcast + 1 product = 16 of 16. A step issues 12
// vpmaddwd, 12 vpaddd and 8 loads.
//
// vpmaddubsw, twice as wide, saturates: 255 * 127 * 2 > 32767. Here |x| <= 255 and |w| <= 128 and a
// pair of products is at most 65280: exact.
#include <immintrin.h>

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

inline __m256i load(const int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

template <int MR, int NV>
struct Tile {
  static ALWAYS_INLINE void run(const PanelCall& call, int64_t row) {
    __v8si acc[MR][NV];
    int32_t* const sums = static_cast<int32_t*>(call.sums) + row * NV * kLanes;
    UNROLL for (int i = 0; i < MR; ++i) {
      UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = (__v8si)_mm256_setzero_si256();
    }
    if (call.load_sums) {
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) {
          acc[i][j] = (__v8si)load(sums + (i * NV + j) * kLanes);
        }
      }
    }

    const int64_t stride = call.x_stride / 2;
    const int16_t* x[(MR + 2) / 3];
    UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) {
      x[g] = static_cast<const int16_t*>(call.x) + (row + 3 * g) * stride;
    }
    const int16_t* w = static_cast<const int16_t*>(call.w);
    for (int64_t step = call.steps; step > 0; --step) {
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

    if (call.store_sums) {
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + (i * NV + j) * kLanes),
                              (__m256i)acc[i][j]);
        }
      }
      return;
    }
    if (call.column_zero_points != nullptr) {
      UNROLL for (int i = 0; i < MR; ++i) {
        const __m256i row_sum = _mm256_set1_epi32(call.row_sums[row + i]);
        UNROLL for (int j = 0; j < NV; ++j) {
          const __m256i zw = load(call.column_zero_points + j * kLanes);
          acc[i][j] = (__v8si)_mm256_sub_epi32((__m256i)acc[i][j], _mm256_mullo_epi32(row_sum, zw));
        }
      }
    }
    // Column by column: what belongs to a column stays in registers over the rows.
    const float* row_scales = call.row_scales + row * call.row_parameter_step;
    const int32_t* row_zero_points = call.row_zero_points + row * call.row_parameter_step;
    const int64_t step = call.row_parameter_step;
    UNROLL for (int j = 0; j < NV; ++j) {
      const __m256i column_sums = load(call.column_sums + j * kLanes);
      const __m256 column_scales = _mm256_loadu_ps(call.column_scales + j * kLanes);
      const __m256 bias = _mm256_loadu_ps(call.bias + j * kLanes);
      float* out = call.out[j] + row * call.out_stride;
      UNROLL for (int i = 0; i < MR; ++i) {
        const __m256i zx = _mm256_set1_epi32(row_zero_points[i * step]);
        const __m256 scale = _mm256_mul_ps(_mm256_set1_ps(row_scales[i * step]), column_scales);
        const __m256i sum =
            _mm256_sub_epi32((__m256i)acc[i][j], _mm256_mullo_epi32(zx, column_sums));
        const __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
        _mm256_storeu_ps(out, _mm256_add_ps(y, bias));
        out += call.out_stride;
      }
    }
  }
};

void widen_w(const int8_t* from, int16_t* to, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_cvtepi8_epi16(bytes));
  }
  for (; i < count; ++i) to[i] = from[i];
}

void run(const PanelCall& call) {
  if (call.vectors == 2) return all_tiles<Tile, kMr, 2>(call);
  all_tiles<Tile, kMr, 1>(call);
}

}  // namespace

// k_block: 16 KB of the widened panel and 6 KB of rows, together in L1.
extern const MicroKernel s16s16_6x16c2_avx2 = {.mr = kMr,
                                               .nr = kNv * kLanes,
                                               .kr = 2,
                                               .lanes = kLanes,
                                               .k_block = 512,
                                               .block_rows = 96,
                                               .x_bytes = 2,
                                               .w_bytes = 2,
                                               .run = run,
                                               .widen_x = widen_x,
                                               .widen_w = widen_w};

}  // namespace demitasse
