// The epilogue of convolution on vectors of floats; included by the kernels of a level.
#pragma once

namespace {

template <bool Clamped>
[[gnu::always_inline]] inline Floats apply_clamp(const Clamp& clamp, Floats y) {
  if constexpr (!Clamped) return y;
  // NaN passes, being the second operand.
  const Floats t = min(broadcast(clamp.most),
                       max(broadcast(clamp.least), fma(y, broadcast(clamp.a), broadcast(clamp.b))));
  return fma(clamp.gated ? t * y : t, broadcast(clamp.scale), broadcast(clamp.shift));
}

// Finishes the sum of one vector of channels of one pixel; `at` is its place in out and residual.
template <bool Clamped, class Lanes>
[[gnu::always_inline]] inline void finish_vector(const TileEpilogue& epilogue, Floats sum,
                                                 Floats bias, int64_t at, Lanes lanes) {
  Floats y = sum + bias;
  if (epilogue.residual == nullptr) {
    y = apply_clamp<Clamped>(epilogue.clamp, y);
  } else {
    const Floats residual = load(epilogue.residual + at, lanes);
    if (epilogue.residual_first) {
      y = apply_clamp<Clamped>(epilogue.clamp, y + residual);
    } else {
      y = apply_clamp<Clamped>(epilogue.clamp, y) + residual;
    }
  }
  store(epilogue.out + at, y, lanes);
}

}  // namespace
