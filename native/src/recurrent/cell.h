// What one sample does at one step.
#pragma once

#include "recurrent/layer.h"

namespace demitasse {

// One direction of a layer. x: [width] products of the input with all biases that are only added;
// r: products of the state, which the functions overwrite; h, c: [hidden], the state.
//
// Gates lie behind each other, each [hidden], in ONNX's order:
//   RNN: h      GRU: z (update), r (reset), h (candidate)      LSTM: i, o, f, c
struct RecurrentCell {
  Isa isa;
  const RecurrentLayer& layer;
  const RecurrentActivation* functions;
  const float* peepholes;       // LSTM: [3][hidden], input, output, forget; or null
  const float* recurrent_bias;  // GRU, linear before the reset: of the candidate

  // h = f(x + r)
  void rnn(const float* x, float* r, float* h) const;

  // i = f(x + r + p c)     f = f(x + r + p c), or 1 - i     c = f c + i g(x + r)
  // o = f(x + r + p c)     h = o h(c)
  void lstm(const float* x, float* r, float* h, float* c) const;

  // z and the reset gate; reset receives what the candidate is made from: the reset state, or,
  // linear before the reset, the gate times the candidate's product.
  void gru_gates(const float* x, float* r, const float* h, float* reset) const;

  // h = (1 - z) g(x + candidate) + z h; z: as gru_gates left it in r; candidate is overwritten.
  void gru_state(const float* x, const float* z, float* candidate, float* h) const;
};

}  // namespace demitasse
