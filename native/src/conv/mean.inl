// Means over the positions of an image. Partial sums keep the error of many positions small.
#pragma once

namespace {

constexpr int64_t kMeanBlock = 64;

template <class Lanes>
[[gnu::always_inline]] inline void mean_of_vector(const float* x, int64_t positions, int64_t stride,
                                                  float* to, Lanes lanes) {
  Floats total = zero();
  for (int64_t first = 0; first < positions; first += kMeanBlock) {
    const int64_t end = first + kMeanBlock < positions ? first + kMeanBlock : positions;
    Floats even = zero(), odd = zero();
    int64_t position = first;
    for (; position + 2 <= end; position += 2) {
      even += load(x + position * stride, lanes);
      odd += load(x + (position + 1) * stride, lanes);
    }
    if (position < end) even += load(x + position * stride, lanes);
    total += even + odd;
  }
  store(to, total / broadcast(static_cast<float>(positions)), lanes);
}

void mean(const float* x, int64_t positions, int64_t stride, int64_t channels, float* to) {
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    mean_of_vector(x + c, positions, stride, to + c, Every{});
  }
  if (c < channels) mean_of_vector(x + c, positions, stride, to + c, first(channels - c));
}

}  // namespace
