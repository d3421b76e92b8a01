// Depthwise convolution of codes by vpdpbusd: four rows of a column at once.
//
//   quad    column v:  | c0: r0 r1 r2 r3 | c1: r0 r1 r2 r3 | .. | c15: .. |   a vector of 16
//   channels weights tap j:     | c0: w0 w1 w2 w3 | c1: ..           | .. | c15: .. |
//
// A block of 8 pixels loads each column once: 8 sums + (8 - 1) * 2 + 5 columns + 1 weight = 28 of
// 32 registers. A kernel of 3 rows takes one quad, one of 5 rows two.
#pragma once

namespace {

// Pixels first .. first + P - 1; KW = 0: any width and step.
template <int KW, int S, int P>
ALWAYS_INLINE void quad_block(const CodeQuadCall& call, int64_t first, int64_t channel,
                              float* results, int64_t step) {
  __m512i w_sums = _mm512_setzero_si512();
  for (int64_t q = 0; q < call.count; ++q) {
    w_sums = _mm512_add_epi32(w_sums, _mm512_loadu_si512(call.quads[q].w_sums + channel));
  }
  const __m512i zero_sums = _mm512_mullo_epi32(w_sums, _mm512_set1_epi32(call.zero_point));
  CodeSum sums[P];
  UNROLL for (int p = 0; p < P; ++p) {
    sums[p] = (CodeSum)_mm512_sub_epi32(_mm512_setzero_si512(), zero_sums);
  }
  const int64_t column = call.column;
  for (int64_t q = 0; q < call.count; ++q) {
    const uint8_t* x = call.quads[q].x + first * call.step * column + 4 * channel;
    const int8_t* w = call.quads[q].w + 4 * channel;
    if constexpr (KW > 0) {
      constexpr int columns = (P - 1) * S + KW;
      CodeSum values[columns];
      UNROLL for (int c = 0; c < columns; ++c) {
        values[c] = (CodeSum)_mm512_loadu_si512(x + c * column);
      }
      UNROLL for (int j = 0; j < KW; ++j) {
        const __m512i weight = panel_codes(w + j * call.w_stride);
        UNROLL for (int p = 0; p < P; ++p) {
          sums[p] = add_products(sums[p], (__m512i)values[p * S + j], weight);
        }
      }
    } else {
      const int64_t pixel = call.step * column;
      for (int64_t j = 0; j < call.kernel_width; ++j, x += column, w += call.w_stride) {
        const __m512i weight = panel_codes(w);
        UNROLL for (int p = 0; p < P; ++p) {
          sums[p] = add_products(sums[p], _mm512_loadu_si512(x + p * pixel), weight);
        }
      }
    }
  }
  UNROLL for (int p = 0; p < P; ++p) store(results + p * step, to_floats(sums[p]));
}

template <int KW, int S, int P>
void quad_blocks(const CodeQuadCall& call, int64_t first) {
  all_channels<P>(call, first, [&](int64_t channel, float* results, int64_t step, auto) {
    quad_block<KW, S, P>(call, first, channel, results, step);
  });
}

template <int KW, int S>
void quad_row(const CodeQuadCall& call) {
  int64_t first = 0;
  for (; first + kPixels <= call.pixels; first += kPixels) {
    quad_blocks<KW, S, kPixels>(call, first);
  }
  for (; first < call.pixels; ++first) quad_blocks<KW, S, 1>(call, first);
}

void code_quads(const CodeQuadCall& call) {
  if (call.kernel_width == 3 && call.step == 1) return quad_row<3, 1>(call);
  if (call.kernel_width == 3 && call.step == 2) return quad_row<3, 2>(call);
  if (call.kernel_width == 5 && call.step == 1) return quad_row<5, 1>(call);
  if (call.kernel_width == 5 && call.step == 2) return quad_row<5, 2>(call);
  quad_row<0, 0>(call);
}

// 64 codes of each row: their fours are moved so that pairing bytes, then pairs, within each
// quarter of a vector leaves whole vectors in order.
[[gnu::always_inline]] inline void interleave_64(const __m512i* rows, __m512i* to) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i moved[4];
  UNROLL for (int r = 0; r < 4; ++r) moved[r] = _mm512_permutexvar_epi32(order, rows[r]);
  const __m512i low01 = _mm512_unpacklo_epi8(moved[0], moved[1]);
  const __m512i low23 = _mm512_unpacklo_epi8(moved[2], moved[3]);
  const __m512i high01 = _mm512_unpackhi_epi8(moved[0], moved[1]);
  const __m512i high23 = _mm512_unpackhi_epi8(moved[2], moved[3]);
  to[0] = _mm512_unpacklo_epi16(low01, low23);
  to[1] = _mm512_unpackhi_epi16(low01, low23);
  to[2] = _mm512_unpacklo_epi16(high01, high23);
  to[3] = _mm512_unpackhi_epi16(high01, high23);
}

void interleave(const InterleaveCall& call) {
  const __m512i zero = _mm512_set1_epi8(static_cast<char>(call.zero));
  const int64_t count = call.count;
  for (int64_t run = 0; run < call.runs; ++run) {
    uint8_t* to = call.to + run * call.to_stride;
    for (int64_t i = 0; i < count; i += 64, to += 256) {
      const int64_t left = count - i;
      const __mmask64 lanes = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
      __m512i rows[4], quads[4];
      UNROLL for (int r = 0; r < 4; ++r) {
        const uint8_t* row = call.rows[r];
        rows[r] =
            row == nullptr ? zero : _mm512_maskz_loadu_epi8(lanes, row + run * call.stride + i);
      }
      interleave_64(rows, quads);
      UNROLL for (int k = 0; k < 4; ++k) {
        if (left > 16 * k) _mm512_storeu_si512(to + 64 * k, quads[k]);
      }
    }
  }
}

}  // namespace
