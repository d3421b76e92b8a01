// Signs x signs for AVX-512 VPOPCNTDQ.
//
//   x, read in place      panel [k/64][32] of words: one step = 4 vectors of 8 columns
//   row m   word ...      | n0 .. n7 | n8 .. n15 | n16 .. n23 | n24 .. n31 |
//           `--- broadcast to 8 lanes, vpxorq, vpopcntq, vpaddq with each of the 4 vectors
//
// Registers: 4 x 4 counts + 4 of the panel + 1 broadcast + products = 25 of 32. 64-bit lanes hold
// counts of any k.
#include <immintrin.h>

#include "gemm/binary_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 4;
constexpr int kNv = 4;
constexpr int kNr = 8 * kNv;

template <int MR, int NV>
struct Tile {
  static ALWAYS_INLINE void run(const BinaryCall& call, int64_t row) {
    __m512i counts[MR][NV];
    UNROLL for (int i = 0; i < MR; ++i) {
      UNROLL for (int j = 0; j < NV; ++j) counts[i][j] = _mm512_setzero_si512();
    }
    const uint64_t* x = call.x + row * call.x_stride;
    const uint64_t* w = call.w;
    for (int64_t step = call.steps; step > 0; --step) {
      __m512i b[NV];
      UNROLL for (int j = 0; j < NV; ++j) b[j] = _mm512_load_si512(w + 8 * j);
      w += kNr;
      UNROLL for (int i = 0; i < MR; ++i) {
        const __m512i a = _mm512_set1_epi64(static_cast<int64_t>(x[i * call.x_stride]));
        UNROLL for (int j = 0; j < NV; ++j) {
          counts[i][j] =
              _mm512_add_epi64(counts[i][j], _mm512_popcnt_epi64(_mm512_xor_si512(a, b[j])));
        }
      }
      ++x;
    }
    const __m256i k = _mm256_set1_epi32(call.k);
    UNROLL for (int j = 0; j < NV; ++j) {
      __m256i sums[MR];
      UNROLL for (int i = 0; i < MR; ++i) {
        const __m256i differing = _mm512_cvtepi64_epi32(counts[i][j]);
        sums[i] = _mm256_sub_epi32(k, _mm256_slli_epi32(differing, 1));
      }
      if (call.out != nullptr) {
        const __m256 scales = _mm256_loadu_ps(call.scales + 8 * j);
        const __m256 bias = _mm256_loadu_ps(call.bias + 8 * j);
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[i]), scales);
          _mm256_storeu_ps(call.out + (row + i) * call.out_stride + 8 * j, _mm256_add_ps(y, bias));
        }
      } else {
        const __m256i thresholds =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(call.thresholds + 8 * j));
        UNROLL for (int i = 0; i < MR; ++i) {
          call.bits[(row + i) * call.bits_stride + j] =
              static_cast<uint8_t>(_mm256_cmpge_epi32_mask(sums[i], thresholds));
        }
      }
    }
  }
};

void run(const BinaryCall& call) { all_tiles<Tile, kMr, kNv>(call); }

}  // namespace

extern const BinaryKernel binary_4x32_avx512popcnt = {.mr = kMr, .nr = kNr, .run = run};

}  // namespace demitasse
