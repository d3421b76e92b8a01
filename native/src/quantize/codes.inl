// u8 codes of a row, for inclusion after core/vector_loops.inl: the vector form of quantize() in
// quantize/parameters.h, equal to it bit for bit.
#pragma once

namespace {

// Steps from the zero point, not yet rounded, clamped so that store_u8 gives a code. NaN gives 0.
inline Floats quantization_steps(Floats x, Floats scale, Floats least, Floats most) {
  return clamp_or_zero(x / scale, least, most);
}

inline void quantize_codes(const float* x, int64_t n, float scale, int32_t zero_point,
                           uint8_t* codes) {
  const Floats scales = broadcast(scale);
  const Floats least = broadcast(static_cast<float>(-zero_point));
  const Floats most = broadcast(static_cast<float>(255 - zero_point));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    store_u8(codes + i, quantization_steps(load(x + i), scales, least, most), zero_point);
  }
  if (i < n) {
    uint8_t last[kLanes];
    const Floats values = load(x + i, first(n - i));
    store_u8(last, quantization_steps(values, scales, least, most), zero_point);
    __builtin_memcpy(codes + i, last, static_cast<unsigned long>(n - i));
  }
}

// Widens [*low, *high] to the values of x; NaN is passed over.
inline void widen_range(const float* x, int64_t n, float* low, float* high) {
  Floats lows[2] = {broadcast(*low), broadcast(*low)};
  Floats highs[2] = {broadcast(*high), broadcast(*high)};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const Floats a = load(x + i), b = load(x + i + kLanes);
    lows[0] = min(a, lows[0]);
    lows[1] = min(b, lows[1]);
    highs[0] = max(a, highs[0]);
    highs[1] = max(b, highs[1]);
  }
  for (; i < n; i += kLanes) {
    const Floats a =
        i + kLanes <= n ? load(x + i) : select(first(n - i), load(x + i, first(n - i)), lows[0]);
    lows[0] = min(a, lows[0]);
    highs[0] = max(a, highs[0]);
  }
  *low = reduce_min(min(lows[0], lows[1]));
  *high = reduce_max(max(highs[0], highs[1]));
}

}  // namespace
