// Channels times their gates (squeeze-and-excite), as floats or as codes.
#pragma once

namespace {

template <class Lanes>
[[gnu::always_inline]] inline void gate_vector(const GateCall& call, int64_t at, int64_t gate,
                                               Lanes lanes) {
  const Floats y = load(call.x + at, lanes) * load(call.gates + gate);
  if (call.codes == nullptr) return store(call.y + at, y, lanes);
  const Floats steps =
      quantization_steps(y, broadcast(call.scale), broadcast(static_cast<float>(-call.zero_point)),
                         broadcast(static_cast<float>(255 - call.zero_point)));
  store_u8(call.codes + at, steps, call.zero_point, lanes);
}

void gate(const GateCall& call) {
  int64_t at = 0;
  for (; at + call.period <= call.elements; at += call.period) {
    for (int64_t i = 0; i < call.period; i += kLanes) gate_vector(call, at + i, i, Every{});
  }
  int64_t i = 0;
  for (; at + i + kLanes <= call.elements; i += kLanes) gate_vector(call, at + i, i, Every{});
  if (at + i < call.elements) gate_vector(call, at + i, i, first(call.elements - at - i));
}

}  // namespace
