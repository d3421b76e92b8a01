// The register tile of INT8 convolution: u8 codes x s8 codes -> exact int32 sums.
//
//   avx512: vpdpbusd, 8 x 3 sums of 16 columns, as in gemm/u8s8_8x48c4_avx512.cpp
//   avx2:   both sides widened to s16 and vpmaddwd, so that nothing saturates; 4 x 1 sums of 8
//           columns, each in two vectors whose neighbours are added at the end
//
// The sums of kCodeBlock pixels wait in L1 to be finished together: where few codes are added,
// finishing the small tiles one by one would take as long as adding.
#pragma once

namespace {

#if defined(__AVX512VNNI__)

constexpr int kCodeRows = 8;
using CodeSum = __v16si;

// x's zero point has its share in every sum, which is taken off before.
[[gnu::always_inline]] inline CodeSum first_sum(const int32_t* zero_sums) {
  return (__v16si)_mm512_sub_epi32(_mm512_setzero_si512(), _mm512_loadu_si512(zero_sums));
}

[[gnu::always_inline]] inline __m512i four_codes(const uint8_t* x) {
  int32_t codes;
  __builtin_memcpy(&codes, x, 4);
  return _mm512_set1_epi32(codes);
}

[[gnu::always_inline]] inline __m512i panel_codes(const int8_t* w) { return _mm512_load_si512(w); }

[[gnu::always_inline]] inline CodeSum add_products(CodeSum sum, __m512i x, __m512i w) {
  return (__v16si)_mm512_dpbusd_epi32((__m512i)sum, x, w);
}

[[gnu::always_inline]] inline Floats to_floats(CodeSum sum) {
  return _mm512_cvtepi32_ps((__m512i)sum);
}

#else

constexpr int kCodeRows = 4;

struct CodeSum {
  __m256i low, high;  // columns 0 .. 3 and 4 .. 7, each in two neighbouring lanes
};

struct PanelCodes {
  __m256i low, high;
};

[[gnu::always_inline]] inline CodeSum first_sum(const int32_t* zero_sums) {
  const auto* halves = reinterpret_cast<const __m128i*>(zero_sums);
  const __m128i zero = _mm_setzero_si128();
  return {_mm256_cvtepu32_epi64(_mm_sub_epi32(zero, _mm_loadu_si128(halves))),
          _mm256_cvtepu32_epi64(_mm_sub_epi32(zero, _mm_loadu_si128(halves + 1)))};
}

[[gnu::always_inline]] inline __m256i four_codes(const uint8_t* x) {
  int32_t codes;
  __builtin_memcpy(&codes, x, 4);
  return _mm256_cvtepu8_epi16(_mm_set1_epi32(codes));
}

[[gnu::always_inline]] inline PanelCodes panel_codes(const int8_t* w) {
  const auto* halves = reinterpret_cast<const __m128i*>(w);
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(halves)),
          _mm256_cvtepi8_epi16(_mm_loadu_si128(halves + 1))};
}

[[gnu::always_inline]] inline CodeSum add_products(CodeSum sum, __m256i x, PanelCodes w) {
  return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(x, w.low)),
          _mm256_add_epi32(sum.high, _mm256_madd_epi16(x, w.high))};
}

[[gnu::always_inline]] inline Floats to_floats(CodeSum sum) {
  const __m256i mixed = _mm256_hadd_epi32(sum.low, sum.high);  // columns 0 1 4 5 2 3 6 7
  return _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(mixed, 0b11011000));
}

#endif

// The sums of pixels row .. row + MR - 1 to [MR][NV][kLanes].
template <int MR, int NV>
ALWAYS_INLINE void code_sums(const CodeTileCall& call, int64_t row, float* to) {
  CodeSum sums[MR][NV];
  UNROLL for (int j = 0; j < NV; ++j) {
    const CodeSum first = first_sum(call.codes.zero_sums + j * kLanes);
    UNROLL for (int i = 0; i < MR; ++i) sums[i][j] = first;
  }
  const int64_t stride = call.stride;
  const int8_t* w = call.w;
  for (int64_t segment = 0; segment < call.segments; ++segment) {
    const uint8_t* x[(MR + 2) / 3];
    UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) {
      x[g] = call.x + call.offsets[segment] + (row + 3 * g) * stride;
    }
    for (int64_t step = call.steps; step > 0; --step) {
      decltype(panel_codes(w)) b[NV];
      UNROLL for (int j = 0; j < NV; ++j) b[j] = panel_codes(w + 4 * kLanes * j);
      w += 4 * kLanes * NV;
      UNROLL for (int i = 0; i < MR; ++i) {
        const auto a = four_codes(x[i / 3] + (i % 3) * stride);
        UNROLL for (int j = 0; j < NV; ++j) sums[i][j] = add_products(sums[i][j], a, b[j]);
      }
      UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) x[g] += 4;
    }
  }
  UNROLL for (int i = 0; i < MR; ++i) {
    UNROLL for (int j = 0; j < NV; ++j) store(to + (i * NV + j) * kLanes, to_floats(sums[i][j]));
  }
}

constexpr int64_t kCodeBlock = 32;

struct CodeBlockCall : CodeTileCall {
  float* sums = nullptr;  // [rows][vectors][kLanes]
};

template <int MR, int NV>
struct BlockTile {
  static ALWAYS_INLINE void run(const CodeBlockCall& call, int64_t row) {
    code_sums<MR, NV>(call, row, call.sums + row * NV * kLanes);
  }
};

// Not inlined: beside other code the addresses of a tile's pixels would no longer fit the
// registers.
template <int NV>
__attribute__((noinline)) void block_tiles(const CodeBlockCall& block) {
  all_tiles<BlockTile, kCodeRows, NV>(block);
}

// Pixels in blocks of whole tiles, each finished at once.
template <int NV>
void code_blocks(const CodeTileCall& call) {
  alignas(64) float sums[kCodeBlock * NV * kLanes];
  CodeBlockCall block;
  static_cast<CodeTileCall&>(block) = call;
  block.sums = sums;
  const int64_t tiles = (call.rows + kCodeRows - 1) / kCodeRows;
  const int64_t blocks = (tiles * kCodeRows + kCodeBlock - 1) / kCodeBlock;
  int64_t row = 0;
  for (int64_t b = 1; b <= blocks; ++b) {
    const int64_t end = b == blocks ? call.rows : tiles * b / blocks * kCodeRows;
    block.x = call.x + row * call.stride;
    block.rows = end - row;
    block_tiles<NV>(block);
    finish({sums, end - row, NV, call.tail, row * call.epilogue.stride}, call.epilogue, call.codes);
    row = end;
  }
}

void code_tile(const CodeTileCall& call) {
  if constexpr (kRegisters == 32) {
    if (call.vectors == 3) return code_blocks<3>(call);
    if (call.vectors == 2) return code_blocks<2>(call);
  }
  code_blocks<1>(call);
}

}  // namespace
