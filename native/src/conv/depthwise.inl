// Depthwise convolution, a vector of channels at a time: every channel meets its own kernel, so
// there is no panel to share and the work is bounded by loads. A block of neighbouring pixels loads
// each input column once (avx512: 8 sums + (8 - 1) * 2 + 5 columns + 1 weight = 28 of 32 registers)
// or leaves it to the FMA's memory operand (avx2).
#pragma once

namespace {

constexpr int kPixels = kRegisters == 32 ? 8 : 6;

template <bool Clamped, class Lanes>
[[gnu::always_inline]] inline void finish_pixel(const DepthwiseCall& call, Floats sum, int64_t ow,
                                                int64_t channel, Lanes lanes) {
  finish_vector<Clamped>(call.epilogue, sum, load(call.epilogue.bias + channel),
                         ow * call.epilogue.stride + channel, lanes);
}

// Pixels ow .. ow + P - 1, all of whose columns lie inside.
template <int KW, int S, int P, bool Clamped, class Lanes>
ALWAYS_INLINE void block(const DepthwiseCall& call, int64_t ow, int64_t channel, Lanes lanes) {
  Floats sums[P];
  UNROLL for (int p = 0; p < P; ++p) sums[p] = zero();
  const int64_t stride = call.stride;
  const float* w = call.w + channel;
  for (int64_t i = 0; i < call.kernel_height; ++i, w += KW * call.w_stride) {
    if (call.rows[i] == nullptr) continue;
    const float* x = call.rows[i] + (ow * S - call.pad_left) * stride + channel;
    if constexpr (kRegisters == 32) {
      constexpr int columns = (P - 1) * S + KW;
      Floats column[columns];
      UNROLL for (int c = 0; c < columns; ++c) column[c] = load(x + c * stride, lanes);
      UNROLL for (int j = 0; j < KW; ++j) {
        const Floats weight = load(w + j * call.w_stride);
        UNROLL for (int p = 0; p < P; ++p) sums[p] = fma(column[p * S + j], weight, sums[p]);
      }
    } else {
      UNROLL for (int j = 0; j < KW; ++j) {
        const Floats weight = load(w + j * call.w_stride);
        UNROLL for (int p = 0; p < P; ++p) {
          sums[p] = fma(load(x + (p * S + j) * stride, lanes), weight, sums[p]);
        }
      }
    }
  }
  UNROLL for (int p = 0; p < P; ++p) {
    finish_pixel<Clamped>(call, sums[p], ow + p, channel, lanes);
  }
}

// One pixel of any kernel, anywhere.
template <bool Clamped, class Lanes>
ALWAYS_INLINE void pixel(const DepthwiseCall& call, int64_t ow, int64_t channel, Lanes lanes) {
  Floats sum = zero();
  const float* w = call.w + channel;
  for (int64_t i = 0; i < call.kernel_height; ++i, w += call.kernel_width * call.w_stride) {
    if (call.rows[i] == nullptr) continue;
    int64_t v = ow * call.stride_w - call.pad_left;
    for (int64_t j = 0; j < call.kernel_width; ++j, v += call.dilation_w) {
      if (v < 0 || v >= call.width) continue;
      sum = fma(load(call.rows[i] + v * call.stride + channel, lanes), load(w + j * call.w_stride),
                sum);
    }
  }
  finish_pixel<Clamped>(call, sum, ow, channel, lanes);
}

template <int KW, int S, int P, bool Clamped>
void blocks(const DepthwiseCall& call, int64_t ow) {
  int64_t channel = 0;
  for (; channel + kLanes <= call.channels; channel += kLanes) {
    block<KW, S, P, Clamped>(call, ow, channel, Every{});
  }
  if (channel < call.channels) {
    block<KW, S, P, Clamped>(call, ow, channel, first(call.channels - channel));
  }
}

template <bool Clamped>
void pixels(const DepthwiseCall& call, int64_t begin, int64_t end) {
  for (int64_t ow = begin; ow < end; ++ow) {
    int64_t channel = 0;
    for (; channel + kLanes <= call.channels; channel += kLanes) {
      pixel<Clamped>(call, ow, channel, Every{});
    }
    if (channel < call.channels) {
      pixel<Clamped>(call, ow, channel, first(call.channels - channel));
    }
  }
}

// The first and last pixels reach over the border; those between are taken in blocks.
template <int KW, int S, bool Clamped>
void row(const DepthwiseCall& call) {
  const int64_t from = (call.pad_left + S - 1) / S;
  const int64_t room = call.width - KW + call.pad_left;
  const int64_t to = room < 0 ? 0 : room / S + 1;
  const int64_t begin = from < call.out_width ? from : call.out_width;
  int64_t end = to < call.out_width ? to : call.out_width;
  if (end < begin) end = begin;
  pixels<Clamped>(call, 0, begin);
  int64_t ow = begin;
  for (; ow + kPixels <= end; ow += kPixels) blocks<KW, S, kPixels, Clamped>(call, ow);
  for (; ow + 2 <= end; ow += 2) blocks<KW, S, 2, Clamped>(call, ow);
  if (ow < end) blocks<KW, S, 1, Clamped>(call, ow);
  pixels<Clamped>(call, end, call.out_width);
}

template <bool Clamped>
void any_row(const DepthwiseCall& call) {
  if (call.dilation_w == 1 && call.pad_left >= 0) {
    if (call.kernel_width == 3 && call.stride_w == 1) return row<3, 1, Clamped>(call);
    if (call.kernel_width == 3 && call.stride_w == 2) return row<3, 2, Clamped>(call);
    if (call.kernel_width == 5 && call.stride_w == 1) return row<5, 1, Clamped>(call);
    if (call.kernel_width == 5 && call.stride_w == 2) return row<5, 2, Clamped>(call);
  }
  pixels<Clamped>(call, 0, call.out_width);
}

void depthwise(const DepthwiseCall& call) {
  if (call.epilogue.clamp.used) {
    any_row<true>(call);
  } else {
    any_row<false>(call);
  }
}

}  // namespace
