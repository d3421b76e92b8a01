// Maxima and means of one window of pixels, for all channels.
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

}  // namespace
