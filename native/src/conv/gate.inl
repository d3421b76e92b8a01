// Channels times their gates (squeeze-and-excite) plus something, as floats or as codes.
#pragma once

namespace {

struct GateResult {
  explicit GateResult(const GateCall& call)
      : y(call.y),
        codes(call.codes),
        inverse_scale(broadcast(call.inverse_scale)),
        least(broadcast(static_cast<float>(-call.zero_point))),
        most(broadcast(static_cast<float>(255 - call.zero_point))),
        zero_point(call.zero_point) {}
  template <class Lanes>
  [[gnu::always_inline]] void operator()(int64_t at, Floats value, Lanes lanes) const {
    if (codes == nullptr) return store(y + at, value, lanes);
    store_u8(codes + at, clamp_or_zero(value * inverse_scale, least, most), zero_point, lanes);
  }
  float* const y;
  uint8_t* const codes;
  const Floats inverse_scale, least, most;
  const int32_t zero_point;
};

template <bool kGated, bool kAdded>
void gate_with(const GateCall& call) {
  const GateResult result(call);
  const float *const x = call.x, *const gates = call.gates;
  const float* const added = call.added;
  const int64_t elements = call.elements, period = call.period;
  const auto value = [&](int64_t at, int64_t i, auto lanes) {
    Floats y = load(x + at + i, lanes);
    if constexpr (kGated) y *= load(gates + i);
    if constexpr (kAdded) y += load(added + at + i, lanes);
    return y;
  };
  int64_t at = 0;
  for (; at + period <= elements; at += period) {
    for (int64_t i = 0; i < period; i += kLanes) {
      result(at + i, value(at, i, Every{}), Every{});
    }
  }
  int64_t i = 0;
  for (; at + i + kLanes <= elements; i += kLanes) {
    result(at + i, value(at, i, Every{}), Every{});
  }
  if (at + i < elements) {
    const auto lanes = first(elements - at - i);
    result(at + i, value(at, i, lanes), lanes);
  }
}

void gate(const GateCall& call) {
  if (call.gates == nullptr) return gate_with<false, true>(call);
  if (call.added != nullptr) return gate_with<true, true>(call);
  gate_with<true, false>(call);
}

}  // namespace
