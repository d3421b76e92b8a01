// Maxima and means of one window of pixels, for all channels.
//
//   x [rows][columns][channels]     a vector: 16 (8) floats, 64 (32) codes for maxima, and for
//   means
//                                   16 (8) codes widened to floats, whose sums are exact
//
// Registers: the maximum and a value; for means of codes up to 4 sums, a value and 5 constants.
#pragma once

namespace {

template <class Lanes>
[[gnu::always_inline]] inline Floats maximum_of_window(const PoolCall& call, const float* x,
                                                       Lanes lanes) {
  Floats largest = broadcast(-__builtin_inff());
  for (int64_t i = 0; i < call.rows; ++i) {
    for (int64_t j = 0; j < call.columns; ++j) {
      const Floats value = load(x + i * call.row_stride + j * call.column_stride, lanes);
      largest = select(is_nan(value), value, max(value, largest));
    }
  }
  return largest;
}

// Rows are added up by themselves, which keeps the error of large windows small.
template <class Lanes>
[[gnu::always_inline]] inline Floats mean_of_window(const PoolCall& call, const float* x,
                                                    Lanes lanes) {
  Floats total = zero();
  for (int64_t i = 0; i < call.rows; ++i) {
    Floats sum = zero();
    for (int64_t j = 0; j < call.columns; ++j) {
      sum += load(x + i * call.row_stride + j * call.column_stride, lanes);
    }
    total += sum;
  }
  return call.count == 0 ? zero() : total / broadcast(call.count);
}

template <class Lanes>
[[gnu::always_inline]] inline void pool_vector(const PoolCall& call, int64_t channel, Lanes lanes) {
  const float* x = call.x + channel;
  store(call.to + channel,
        call.maximum ? maximum_of_window(call, x, lanes) : mean_of_window(call, x, lanes), lanes);
}

void pool(const PoolCall& call) {
  int64_t channel = 0;
  for (; channel + kLanes <= call.channels; channel += kLanes) pool_vector(call, channel, Every{});
  if (channel < call.channels) pool_vector(call, channel, first(call.channels - channel));
}

template <int kBytes>
[[gnu::always_inline]] inline void largest_codes(const CodePoolCall& call, int64_t channel) {
  typedef uint8_t Codes __attribute__((vector_size(kBytes)));
  Codes largest = {};
  for (int64_t i = 0; i < call.rows; ++i) {
    const uint8_t* x = call.x + i * call.row_stride + channel;
    for (int64_t j = 0; j < call.columns; ++j, x += call.column_stride) {
      Codes value;
      __builtin_memcpy(&value, x, kBytes);
      largest = value > largest ? value : largest;
    }
  }
  __builtin_memcpy(call.codes + channel, &largest, kBytes);
}

// For kBytes channels and more: the last vector may do again what the one before it did.
template <int kBytes>
void largest_codes(const CodePoolCall& call) {
  int64_t channel = 0;
  for (; channel + kBytes <= call.channels; channel += kBytes) largest_codes<kBytes>(call, channel);
  if (channel < call.channels) largest_codes<kBytes>(call, call.channels - kBytes);
}

#if defined(__AVX512VNNI__)

// For fewer than 16 channels.
void few_largest_codes(const CodePoolCall& call) {
  const __mmask16 lanes = static_cast<__mmask16>((1 << call.channels) - 1);
  __m128i largest = _mm_setzero_si128();
  for (int64_t i = 0; i < call.rows; ++i) {
    const uint8_t* x = call.x + i * call.row_stride;
    for (int64_t j = 0; j < call.columns; ++j, x += call.column_stride) {
      largest = _mm_max_epu8(largest, _mm_maskz_loadu_epi8(lanes, x));
    }
  }
  _mm_mask_storeu_epi8(call.codes, lanes, largest);
}

#else

void few_largest_codes(const CodePoolCall& call) {
  if (call.channels >= 8) return largest_codes<8>(call);
  if (call.channels >= 4) return largest_codes<4>(call);
  if (call.channels >= 2) return largest_codes<2>(call);
  if (call.channels == 1) largest_codes<1>(call);
}

#endif

void max_pool_codes(const CodePoolCall& call) {
  constexpr int kWhole = 4 * kLanes;
  if (call.channels >= kWhole) return largest_codes<kWhole>(call);
  if (call.channels >= kWhole / 2) return largest_codes<kWhole / 2>(call);
  if (call.channels >= 16) return largest_codes<16>(call);
  few_largest_codes(call);
}

// The lanes of kVectors vectors of channels.
template <int kVectors, class Lanes>
[[gnu::always_inline]] inline void mean_codes(const CodePoolCall& call, int64_t channel,
                                              Lanes lanes) {
  Floats sums[kVectors];
  UNROLL for (int v = 0; v < kVectors; ++v) sums[v] = zero();
  for (int64_t i = 0; i < call.rows; ++i) {
    const uint8_t* x = call.x + i * call.row_stride + channel;
    for (int64_t j = 0; j < call.columns; ++j, x += call.column_stride) {
      UNROLL for (int v = 0; v < kVectors; ++v) sums[v] += load_u8(x + v * kLanes, lanes);
    }
  }
  const Floats zero_sum = broadcast(call.zero_sum), scale = broadcast(call.scale);
  const Floats inverse_scale = broadcast(call.inverse_scale);
  const Floats least = broadcast(static_cast<float>(-call.zero_point));
  const Floats most = broadcast(static_cast<float>(255 - call.zero_point));
  UNROLL for (int v = 0; v < kVectors; ++v) {
    const int64_t at = channel + v * kLanes;
    const Floats mean = (sums[v] - zero_sum) * scale;
    if (call.codes == nullptr) {
      store(call.to + at, mean, lanes);
    } else {
      store_u8(call.codes + at, clamp_or_zero(mean * inverse_scale, least, most), call.zero_point,
               lanes);
    }
  }
}

void code_pool(const CodePoolCall& call) {
  if (call.maximum) return max_pool_codes(call);
  constexpr int kVectors = 4;
  int64_t channel = 0;
  for (; channel + kVectors * kLanes <= call.channels; channel += kVectors * kLanes) {
    mean_codes<kVectors>(call, channel, Every{});
  }
  for (; channel + kLanes <= call.channels; channel += kLanes) {
    mean_codes<1>(call, channel, Every{});
  }
  if (channel < call.channels) mean_codes<1>(call, channel, first(call.channels - channel));
}

}  // namespace
