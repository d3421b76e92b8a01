// Channels times their gates (squeeze-and-excite), as floats or as codes.
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

void gate(const GateCall& call) {
  const GateResult result(call);
  const float *const x = call.x, *const gates = call.gates;
  const int64_t elements = call.elements, period = call.period;
  int64_t at = 0;
  for (; at + period <= elements; at += period) {
    for (int64_t i = 0; i < period; i += kLanes) {
      result(at + i, load(x + at + i) * load(gates + i), Every{});
    }
  }
  int64_t i = 0;
  for (; at + i + kLanes <= elements; i += kLanes) {
    result(at + i, load(x + at + i) * load(gates + i), Every{});
  }
  if (at + i < elements) {
    const auto lanes = first(elements - at - i);
    result(at + i, load(x + at + i, lanes) * load(gates + i), lanes);
  }
}

}  // namespace
