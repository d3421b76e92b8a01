// What becomes of the sums of some pixels times some channels, for the kernels of a level.
//
// A tile leaves its sums in L1; a pass over them finishes channel by channel, so that all that
// belongs to the layer and to the channel stays in registers: stores of codes may alias anything a
// pointer leads to, so nothing but locals would.
//
//   sums   pixel 0: | vector 0 | vector 1 | .. |  pixel 1: | vector 0 | ..     kLanes channels each
#pragma once

namespace {

struct Sums {
  const float* sums;  // [pixels][vectors][kLanes], aligned
  int64_t pixels;
  int64_t vectors;
  int64_t tail;       // channels in the last vector
  int64_t place = 0;  // of the first pixel and channel behind the pointers of the epilogue
  int64_t channel = 0;
};

// The forms of a clamp, each with no more instructions than it needs. NaN passes, being the second
// operand.
struct Unchanged {
  explicit Unchanged(const Clamp&) {}
  [[gnu::always_inline]] Floats operator()(Floats y) const { return y; }
};

struct Limited {  // ReLU and Clip
  explicit Limited(const Clamp& clamp)
      : least(broadcast(clamp.least)), most(broadcast(clamp.most)) {}
  [[gnu::always_inline]] Floats operator()(Floats y) const { return min(most, max(least, y)); }
  const Floats least, most;
};

struct Gated {  // hard-swish
  explicit Gated(const Clamp& clamp)
      : a(broadcast(clamp.a)),
        b(broadcast(clamp.b)),
        least(broadcast(clamp.least)),
        most(broadcast(clamp.most)) {}
  [[gnu::always_inline]] Floats operator()(Floats y) const {
    return min(most, max(least, fma(y, a, b))) * y;
  }
  const Floats a, b, least, most;
};

struct Leaky {
  explicit Leaky(const Clamp& clamp) : slope(broadcast(clamp.a)), zero(broadcast(0)) {}
  [[gnu::always_inline]] Floats operator()(Floats y) const {
    return fma(slope, min(zero, y), max(zero, y));
  }
  const Floats slope, zero;
};

struct AnyClamp {
  explicit AnyClamp(const Clamp& clamp)
      : gate(clamp),
        leak(clamp),
        leaky(clamp.leaky),
        gated(clamp.gated),
        scale(broadcast(clamp.scale)),
        shift(broadcast(clamp.shift)) {}
  [[gnu::always_inline]] Floats operator()(Floats y) const {
    const Floats t = leaky ? leak(y) : min(gate.most, max(gate.least, fma(y, gate.a, gate.b)));
    return fma(gated ? t * y : t, scale, shift);
  }
  const Gated gate;
  const Leaky leak;
  const bool leaky, gated;
  const Floats scale, shift;
};

// Where results go, and as what.
struct FloatResult {
  FloatResult(const TileEpilogue& epilogue, const CodeEpilogue&) : out(epilogue.out) {}
  template <class Lanes>
  [[gnu::always_inline]] void operator()(int64_t at, Floats y, Lanes lanes) const {
    store(out + at, y, lanes);
  }
  float* const out;
};

struct CodeResult {
  CodeResult(const TileEpilogue&, const CodeEpilogue& codes)
      : out(codes.codes),
        inverse_scale(broadcast(codes.inverse_scale)),
        least(broadcast(static_cast<float>(-codes.zero_point))),
        most(broadcast(static_cast<float>(255 - codes.zero_point))),
        zero_point(codes.zero_point) {}
  template <class Lanes>
  [[gnu::always_inline]] void operator()(int64_t at, Floats y, Lanes lanes) const {
    store_u8(out + at, clamp_or_zero(y * inverse_scale, least, most), zero_point, lanes);
  }
  uint8_t* const out;
  const Floats inverse_scale, least, most;
  const int32_t zero_point;
};

// Codes of values times 1 / scale, none of which is NaN, with the limits of ReLU or Clip among
// those of codes: rounding keeps the order, so max(least, y) * s = max(least * s, y * s).
struct LimitedCodes {
  LimitedCodes(const TileEpilogue& epilogue, const CodeEpilogue& codes)
      : out(codes.codes),
        inverse_scale(broadcast(codes.inverse_scale)),
        least(limit(epilogue.clamp.least, codes)),
        most(limit(epilogue.clamp.most, codes)),
        zero_point(codes.zero_point) {}
  static Floats limit(float value, const CodeEpilogue& codes) {
    return min(broadcast(static_cast<float>(255 - codes.zero_point)),
               max(broadcast(static_cast<float>(-codes.zero_point)),
                   broadcast(value * codes.inverse_scale)));
  }
  [[gnu::always_inline]] Floats limited(Floats y) const {
    return min(max(y * inverse_scale, least), most);
  }
  template <class Lanes>
  [[gnu::always_inline]] void operator()(int64_t at, Floats y, Lanes lanes) const {
    store_u8(out + at, limited(y), zero_point, lanes);
  }
  uint8_t* const out;
  const Floats inverse_scale, least, most;
  const int32_t zero_point;
};

// The same without limits of an activation: packing saturates below.
struct BoundedCodes : LimitedCodes {
  BoundedCodes(const TileEpilogue& epilogue, const CodeEpilogue& codes)
      : LimitedCodes(unlimited(epilogue), codes) {}
  static TileEpilogue unlimited(TileEpilogue epilogue) {
    epilogue.clamp.least = -__builtin_inff();
    epilogue.clamp.most = __builtin_inff();
    return epilogue;
  }
  [[gnu::always_inline]] Floats limited_above(Floats y) const {
    return min(y * inverse_scale, most);
  }
};

#if defined(__AVX512VNNI__)

[[gnu::always_inline]] inline Floats before_packing(const LimitedCodes& codes, Floats y) {
  return codes.limited(y);
}
[[gnu::always_inline]] inline Floats before_packing(const BoundedCodes& codes, Floats y) {
  return codes.limited_above(y);
}

[[gnu::always_inline]] inline void store_quarter(uint8_t* to, __m128i codes, Every) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), codes);
}
[[gnu::always_inline]] inline void store_quarter(uint8_t* to, __m128i codes, Some lanes) {
  _mm_mask_storeu_epi8(to, lanes, codes);
}

// Codes of four pixels, packed together with saturation: fours of channels of each in turn in every
// quarter of a vector, then put in order.
template <class Codes, class Lanes>
[[gnu::always_inline]] inline void store_four(const Codes& codes, int64_t at, int64_t stride,
                                              const Floats* y, Lanes lanes) {
  __m512i steps[4];
  UNROLL for (int i = 0; i < 4; ++i) steps[i] = _mm512_cvtps_epi32(before_packing(codes, y[i]));
  const __m512i zero = _mm512_set1_epi16(static_cast<short>(codes.zero_point));
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(steps[0], steps[1]), zero);
  const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(steps[2], steps[3]), zero);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i packed = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
  uint8_t* to = codes.out + at;
  store_quarter(to, _mm512_castsi512_si128(packed), lanes);
  store_quarter(to + stride, _mm512_extracti32x4_epi32(packed, 1), lanes);
  store_quarter(to + 2 * stride, _mm512_extracti32x4_epi32(packed, 2), lanes);
  store_quarter(to + 3 * stride, _mm512_extracti32x4_epi32(packed, 3), lanes);
}

// Pixels by fours; returns how many are done.
template <class Activation, class Codes, bool kScaled, class Lanes>
[[gnu::always_inline]] inline int64_t finish_fours(const Sums& sums, const float* from, int64_t at,
                                                   Floats scale, Floats bias,
                                                   const Activation& activation, const Codes& codes,
                                                   int64_t stride, Lanes lanes) {
  const int64_t step = sums.vectors * kLanes;
  int64_t done = 0;
  for (; done + 4 <= sums.pixels; done += 4, from += 4 * step, at += 4 * stride) {
    Floats y[4];
    UNROLL for (int i = 0; i < 4; ++i) {
      y[i] = load(from + i * step);
      y[i] = activation((kScaled ? y[i] * scale : y[i]) + bias);
    }
    store_four(codes, at, stride, y, lanes);
  }
  return done;
}

#endif

template <class Result>
constexpr bool kByFours = false;
#if defined(__AVX512VNNI__)
template <>
constexpr bool kByFours<LimitedCodes> = true;
template <>
constexpr bool kByFours<BoundedCodes> = true;
#endif

template <class Activation, class Result, bool kScaled, bool kAdded, class Lanes>
[[gnu::always_inline]] inline void finish_column(const Sums& sums, const float* from, int64_t at,
                                                 Floats scale, Floats bias,
                                                 const Activation& activation, const Result& result,
                                                 const TileEpilogue& epilogue, Lanes lanes) {
  const float* const residual = epilogue.residual;
  const int64_t stride = epilogue.stride, step = sums.vectors * kLanes;
  const bool residual_first = epilogue.residual_first;
  int64_t done = 0;
  if constexpr (kByFours<Result> && !kAdded) {
    done = finish_fours<Activation, Result, kScaled>(sums, from, at, scale, bias, activation,
                                                     result, stride, lanes);
    from += done * step;
    at += done * stride;
  }
  for (int64_t i = sums.pixels - done; i > 0; --i, from += step, at += stride) {
    Floats y = load(from);
    y = (kScaled ? y * scale : y) + bias;
    if constexpr (kAdded) {
      const Floats added = load(residual + at, lanes);
      y = residual_first ? activation(y + added) : activation(y) + added;
    } else {
      y = activation(y);
    }
    result(at, y, lanes);
  }
}

template <class Activation, class Result, bool kScaled, bool kAdded>
__attribute__((noinline)) void finish_with(const Sums& given, const TileEpilogue& epilogue_given,
                                           const CodeEpilogue& codes) {
  const Sums sums = given;
  const TileEpilogue epilogue = epilogue_given;
  const float* const scales = codes.scales;
  const Activation activation(epilogue.clamp);
  const Result result(epilogue, codes);
  for (int64_t j = 0; j < sums.vectors; ++j) {
    const int64_t channel = sums.channel + j * kLanes, at = sums.place + j * kLanes;
    const Floats bias = load(epilogue.bias + channel);
    const Floats scale = kScaled ? load(scales + channel) : bias;
    const float* from = sums.sums + j * kLanes;
    if (j < sums.vectors - 1 || sums.tail == kLanes) {
      finish_column<Activation, Result, kScaled, kAdded>(sums, from, at, scale, bias, activation,
                                                         result, epilogue, Every{});
    } else {
      finish_column<Activation, Result, kScaled, kAdded>(sums, from, at, scale, bias, activation,
                                                         result, epilogue, first(sums.tail));
    }
  }
}

template <class Activation, class Result, bool kScaled>
void finish_as(const Sums& sums, const TileEpilogue& epilogue, const CodeEpilogue& codes) {
  if (epilogue.residual != nullptr) {
    finish_with<Activation, Result, kScaled, true>(sums, epilogue, codes);
  } else {
    finish_with<Activation, Result, kScaled, false>(sums, epilogue, codes);
  }
}

template <class Result, bool kScaled>
void finish_to(const Sums& sums, const TileEpilogue& epilogue, const CodeEpilogue& codes) {
  const Clamp& clamp = epilogue.clamp;
  const bool unscaled = clamp.scale == 1 && clamp.shift == 0;
  if (!clamp.used) {
    finish_as<Unchanged, Result, kScaled>(sums, epilogue, codes);
  } else if (unscaled && clamp.gated) {
    finish_as<Gated, Result, kScaled>(sums, epilogue, codes);
  } else if (unscaled && clamp.leaky) {
    finish_as<Leaky, Result, kScaled>(sums, epilogue, codes);
  } else if (unscaled && clamp.a == 1 && clamp.b == 0) {
    finish_as<Limited, Result, kScaled>(sums, epilogue, codes);
  } else {
    finish_as<AnyClamp, Result, kScaled>(sums, epilogue, codes);
  }
}

// Sums of products of floats: y = sum + bias.
inline void finish(const Sums& sums, const TileEpilogue& epilogue) {
  finish_to<FloatResult, false>(sums, epilogue, {});
}

// Sums of products of codes: y = sum * scale + bias, as floats or as codes.
inline void finish(const Sums& sums, const TileEpilogue& epilogue, const CodeEpilogue& codes) {
  if (codes.codes == nullptr) return finish_to<FloatResult, true>(sums, epilogue, codes);
  const Clamp& clamp = epilogue.clamp;
  const bool unscaled = !clamp.used || (clamp.scale == 1 && clamp.shift == 0);
  if (codes.bounded && epilogue.residual == nullptr && unscaled) {
    if (!clamp.used)
      return finish_with<Unchanged, BoundedCodes, true, false>(sums, epilogue, codes);
    if (clamp.gated) return finish_with<Gated, BoundedCodes, true, false>(sums, epilogue, codes);
    if (clamp.leaky) return finish_with<Leaky, BoundedCodes, true, false>(sums, epilogue, codes);
    if (clamp.a == 1 && clamp.b == 0 && clamp.least <= clamp.most) {
      return finish_with<Unchanged, LimitedCodes, true, false>(sums, epilogue, codes);
    }
  }
  finish_to<CodeResult, true>(sums, epilogue, codes);
}

}  // namespace
