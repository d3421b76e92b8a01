// Depthwise convolution, a vector of channels at a time: every channel meets its own kernel, so
// there is no panel to share and the work is bounded by loads. A block of neighbouring pixels loads
// each input column once (avx512: 8 sums + (8 - 1) * 2 + 5 columns + 1 weight = 28 of 32 registers)
// or leaves it to the FMA's memory operand (avx2). The sums of a block wait in L1 until those of
// kColumns vectors are there to be finished.
#pragma once

namespace {

constexpr int kPixels = kRegisters == 32 ? 8 : 6;

constexpr int64_t kColumns = 8;

inline void finish_pixels(const DepthwiseCall& call, const Sums& sums) {
  finish(sums, call.epilogue);
}
inline void finish_pixels(const CodeDepthwiseCall& call, const Sums& sums) {
  finish(sums, call.epilogue, call.codes);
}
inline void finish_pixels(const CodeQuadCall& call, const Sums& sums) {
  finish(sums, call.epilogue, call.codes);
}

// One input vector; codes become their distances from the zero point.
template <class Lanes>
[[gnu::always_inline]] inline Floats input(const DepthwiseCall&, const float* x, Lanes lanes) {
  return load(x, lanes);
}

template <class Lanes>
[[gnu::always_inline]] inline Floats input(const CodeDepthwiseCall& call, const uint8_t* x,
                                           Lanes lanes) {
  return load_u8(x, lanes) - broadcast(static_cast<float>(call.zero_point));
}

// Pixels ow .. ow + P - 1, all of whose columns lie inside; `step` floats between their results.
template <int KW, int S, int P, class Call, class Lanes>
ALWAYS_INLINE void block(const Call& call, int64_t ow, int64_t channel, float* results,
                         int64_t step, Lanes lanes) {
  Floats sums[P];
  UNROLL for (int p = 0; p < P; ++p) sums[p] = zero();
  const int64_t stride = call.stride;
  const float* w = call.w + channel;
  for (int64_t i = 0; i < call.kernel_height; ++i, w += KW * call.w_stride) {
    if (call.rows[i] == nullptr) continue;
    const auto* x = call.rows[i] + (ow * S - call.pad_left) * stride + channel;
    if constexpr (kRegisters == 32) {
      constexpr int columns = (P - 1) * S + KW;
      Floats column[columns];
      UNROLL for (int c = 0; c < columns; ++c) column[c] = input(call, x + c * stride, lanes);
      UNROLL for (int j = 0; j < KW; ++j) {
        const Floats weight = load(w + j * call.w_stride);
        UNROLL for (int p = 0; p < P; ++p) sums[p] = fma(column[p * S + j], weight, sums[p]);
      }
    } else {
      UNROLL for (int j = 0; j < KW; ++j) {
        const Floats weight = load(w + j * call.w_stride);
        UNROLL for (int p = 0; p < P; ++p) {
          sums[p] = fma(input(call, x + (p * S + j) * stride, lanes), weight, sums[p]);
        }
      }
    }
  }
  UNROLL for (int p = 0; p < P; ++p) store(results + p * step, sums[p]);
}

// One pixel of any kernel, anywhere.
template <class Call, class Lanes>
ALWAYS_INLINE void pixel(const Call& call, int64_t ow, int64_t channel, float* results,
                         Lanes lanes) {
  Floats sum = zero();
  const float* w = call.w + channel;
  for (int64_t i = 0; i < call.kernel_height; ++i, w += call.kernel_width * call.w_stride) {
    if (call.rows[i] == nullptr) continue;
    int64_t v = ow * call.stride_w - call.pad_left;
    for (int64_t j = 0; j < call.kernel_width; ++j, v += call.dilation_w) {
      if (v < 0 || v >= call.width) continue;
      sum = fma(input(call, call.rows[i] + v * call.stride + channel, lanes),
                load(w + j * call.w_stride), sum);
    }
  }
  store(results, sum);
}

// All channels of pixels ow .. ow + P - 1; compute(channel, results, step, lanes) has the sums of
// one vector.
template <int P, class Call, class Compute>
ALWAYS_INLINE void all_channels(const Call& call, int64_t ow, const Compute& compute) {
  alignas(64) float results[P * kColumns * kLanes];
  for (int64_t first_channel = 0; first_channel < call.channels;) {
    const int64_t left = call.channels - first_channel;
    const int64_t needed = (left + kLanes - 1) / kLanes;
    const int64_t vectors = needed < kColumns ? needed : kColumns;
    const int64_t step = vectors * kLanes;
    const int64_t tail = left < step ? left - (vectors - 1) * kLanes : kLanes;
    for (int64_t j = 0; j < vectors; ++j) {
      const int64_t channel = first_channel + j * kLanes;
      if (j < vectors - 1 || tail == kLanes) {
        compute(channel, results + j * kLanes, step, Every{});
      } else {
        compute(channel, results + j * kLanes, step, first(tail));
      }
    }
    finish_pixels(call, {results, P, vectors, tail, ow * call.epilogue.stride + first_channel,
                         first_channel});
    first_channel += step;
  }
}

template <int KW, int S, int P, class Call>
void blocks(const Call& call, int64_t ow) {
  all_channels<P>(call, ow, [&](int64_t channel, float* results, int64_t step, auto lanes) {
    block<KW, S, P>(call, ow, channel, results, step, lanes);
  });
}

template <class Call>
void pixels(const Call& call, int64_t begin, int64_t end) {
  for (int64_t ow = begin; ow < end; ++ow) {
    all_channels<1>(call, ow, [&](int64_t channel, float* results, int64_t, auto lanes) {
      pixel(call, ow, channel, results, lanes);
    });
  }
}

// The first and last pixels reach over the border; those between are taken in blocks.
template <int KW, int S, class Call>
void row(const Call& call) {
  const int64_t from = (call.pad_left + S - 1) / S;
  const int64_t room = call.width - KW + call.pad_left;
  const int64_t to = room < 0 ? 0 : room / S + 1;
  const int64_t begin = from < call.out_width ? from : call.out_width;
  int64_t end = to < call.out_width ? to : call.out_width;
  if (end < begin) end = begin;
  pixels(call, 0, begin);
  int64_t ow = begin;
  for (; ow + kPixels <= end; ow += kPixels) blocks<KW, S, kPixels>(call, ow);
  for (; ow < end; ++ow) blocks<KW, S, 1>(call, ow);
  pixels(call, end, call.out_width);
}

template <class Call>
void depthwise(const Call& call) {
  if (call.dilation_w == 1 && call.pad_left >= 0) {
    if (call.kernel_width == 3 && call.stride_w == 1) return row<3, 1>(call);
    if (call.kernel_width == 3 && call.stride_w == 2) return row<3, 2>(call);
    if (call.kernel_width == 5 && call.stride_w == 1) return row<5, 1>(call);
    if (call.kernel_width == 5 && call.stride_w == 2) return row<5, 2>(call);
  }
  pixels(call, 0, call.out_width);
}

}  // namespace
