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

// What becomes of sum + bias of one vector of channels of one pixel; `at` is its place.
template <bool Clamped, class Lanes>
[[gnu::always_inline]] inline Floats finished(const TileEpilogue& epilogue, Floats y, int64_t at,
                                              Lanes lanes) {
  if (epilogue.residual == nullptr) return apply_clamp<Clamped>(epilogue.clamp, y);
  const Floats residual = load(epilogue.residual + at, lanes);
  return epilogue.residual_first ? apply_clamp<Clamped>(epilogue.clamp, y + residual)
                                 : apply_clamp<Clamped>(epilogue.clamp, y) + residual;
}

template <bool Clamped, class Lanes>
[[gnu::always_inline]] inline void finish_vector(const TileEpilogue& epilogue, Floats sum,
                                                 Floats bias, int64_t at, Lanes lanes) {
  store(epilogue.out + at, finished<Clamped>(epilogue, sum + bias, at, lanes), lanes);
}

// The same for a sum of products of codes; stores floats or codes.
template <bool Clamped, class Lanes>
[[gnu::always_inline]] inline void finish_codes(const TileEpilogue& epilogue,
                                                const CodeEpilogue& codes, Floats sum, Floats scale,
                                                Floats bias, int64_t at, Lanes lanes) {
  const Floats y = finished<Clamped>(epilogue, sum * scale + bias, at, lanes);
  if (codes.codes == nullptr) return store(epilogue.out + at, y, lanes);
  const Floats steps = y * broadcast(codes.inverse_scale);
  const Floats clamped = max(min(steps, broadcast(static_cast<float>(255 - codes.zero_point))),
                             broadcast(static_cast<float>(-codes.zero_point)));
  store_u8(codes.codes + at, select(is_nan(steps), zero(), clamped), codes.zero_point, lanes);
}

}  // namespace
