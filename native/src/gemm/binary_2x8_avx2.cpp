// Signs x signs for AVX2: bits are counted in halves of bytes with vpshufb.
//
//   x, read in place      panel [k/64][8] of words: one step = 2 vectors of 4 columns
//   row m   word ...      | n0 .. n3 | n4 .. n7 |
//           `--- broadcast to 4 lanes, vpxor, two look-ups, added as bytes
//
// A step adds at most 8 to a byte, so 31 steps fit; then vpsadbw adds the bytes of a word.
// Registers: 2 x 2 sums of bytes + 2 x 2 of words + 2 of the panel + table, mask + 4 = 16 of 16.
#include <immintrin.h>

#include "gemm/binary_kernel.h"
#include "gemm/tile_loop.h"

namespace demitasse {
namespace {

constexpr int kMr = 2;
constexpr int kNv = 2;
constexpr int kNr = 4 * kNv;
constexpr int64_t kByteSteps = 31;

template <int MR, int NV>
struct Tile {
  static ALWAYS_INLINE void run(const BinaryCall& call, int64_t row) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i counts[MR][NV];
    UNROLL for (int i = 0; i < MR; ++i) {
      UNROLL for (int j = 0; j < NV; ++j) counts[i][j] = _mm256_setzero_si256();
    }
    const uint64_t* x = call.x + row * call.x_stride;
    const uint64_t* w = call.w;
    for (int64_t left = call.steps; left > 0; left -= kByteSteps) {
      __m256i bytes[MR][NV];
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) bytes[i][j] = _mm256_setzero_si256();
      }
      for (int64_t step = left < kByteSteps ? left : kByteSteps; step > 0; --step) {
        UNROLL for (int i = 0; i < MR; ++i) {
          const __m256i a = _mm256_set1_epi64x(static_cast<int64_t>(x[i * call.x_stride]));
          UNROLL for (int j = 0; j < NV; ++j) {
            const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w) + j);
            const __m256i differing = _mm256_xor_si256(a, b);
            const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(differing, half));
            const __m256i high =
                _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(differing, 4), half));
            bytes[i][j] = _mm256_add_epi8(bytes[i][j], _mm256_add_epi8(low, high));
          }
        }
        w += kNr;
        ++x;
      }
      UNROLL for (int i = 0; i < MR; ++i) {
        UNROLL for (int j = 0; j < NV; ++j) {
          counts[i][j] =
              _mm256_add_epi64(counts[i][j], _mm256_sad_epu8(bytes[i][j], _mm256_setzero_si256()));
        }
      }
    }
    const __m128i k = _mm_set1_epi32(call.k);
    UNROLL for (int i = 0; i < MR; ++i) {
      int bits = 0;
      UNROLL for (int j = 0; j < NV; ++j) {
        const __m128i differing = _mm256_castsi256_si128(
            _mm256_permutevar8x32_epi32(counts[i][j], _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0)));
        const __m128i sums = _mm_sub_epi32(k, _mm_slli_epi32(differing, 1));
        if (call.out != nullptr) {
          const __m128 y = _mm_mul_ps(_mm_cvtepi32_ps(sums), _mm_loadu_ps(call.scales + 4 * j));
          _mm_storeu_ps(call.out + (row + i) * call.out_stride + 4 * j,
                        _mm_add_ps(y, _mm_loadu_ps(call.bias + 4 * j)));
        } else {
          const __m128i thresholds =
              _mm_loadu_si128(reinterpret_cast<const __m128i*>(call.thresholds + 4 * j));
          const __m128i below = _mm_cmplt_epi32(sums, thresholds);
          bits |= (~_mm_movemask_ps(_mm_castsi128_ps(below)) & 15) << 4 * j;
        }
      }
      if (call.out == nullptr) {
        call.bits[(row + i) * call.bits_stride] = static_cast<uint8_t>(bits);
      }
    }
  }
};

void run(const BinaryCall& call) { all_tiles<Tile, kMr, kNv>(call); }

}  // namespace

extern const BinaryKernel binary_2x8_avx2 = {.mr = kMr, .nr = kNr, .run = run};

}  // namespace demitasse
