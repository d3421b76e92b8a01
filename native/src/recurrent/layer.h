// What a recurrent layer is: its shapes, directions and activation functions, read from the call of
// an operator (ops/README.md).
#pragma once

#include <cstdint>
#include <vector>

#include "gemm/linear.h"
#include "ops/arguments.h"
#include "recurrent/activation.h"

namespace demitasse {

// The inputs and outputs of RNN, GRU and LSTM, in ONNX's order.
enum RecurrentInput { kX, kW, kR, kBias, kLengths, kInitialH, kInitialC, kPeepholes };
enum RecurrentOutput { kY, kLastH, kLastC };
constexpr size_t kRecurrentInputs = 8, kRecurrentOutputs = 3;

enum class RecurrentKind { rnn, gru, lstm };

// The kind that an operator's name says; false for any other name.
bool find_recurrent_kind(std::string_view name, RecurrentKind* kind);

enum class RecurrentDirection { forward = 0, reverse = 1, both = 2 };

struct RecurrentLayer {
  RecurrentKind kind = RecurrentKind::rnn;
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0, gates = 1, directions = 1;
  bool batch_first = false;
  RecurrentDirection direction = RecurrentDirection::forward;
  int64_t variant = 0;  // LSTM: 1 couples input and forget gate; GRU: 1 is linear before the reset
  std::vector<RecurrentActivation> activations;  // those of each direction

  int64_t width() const { return gates * hidden; }

  // GRU's candidate is a product with the reset state, and so has a matrix of its own, unless the
  // layer is linear before the reset.
  bool candidate_apart() const { return kind == RecurrentKind::gru && variant == 0; }
  bool linear_before_reset() const { return kind == RecurrentKind::gru && variant != 0; }
  // Rows of r that are multiplied with the state at once.
  int64_t recurrent_width() const { return candidate_apart() ? 2 * hidden : width(); }

  const RecurrentActivation* functions(int64_t d) const {
    return activations.data() + d * static_cast<int64_t>(activations.size()) / directions;
  }

  // The offset of a row: in x, of [steps][batch]; in y and in states, of blocks of `hidden`.
  int64_t x_row(int64_t step, int64_t sample) const {
    return batch_first ? sample * steps + step : step * batch + sample;
  }
  int64_t y_row(int64_t step, int64_t d, int64_t sample) const {
    return batch_first ? (sample * steps + step) * directions + d
                       : (step * directions + d) * batch + sample;
  }
  int64_t state_row(int64_t d, int64_t sample) const {
    return batch_first ? sample * directions + d : d * batch + sample;
  }
};

// integers: layout (1: batch first), direction, variant, then for each direction its activation
// functions; floats: limit of their arguments (0: none), then alpha and beta of each. Checks all
// shapes against each other, those of w and r where they are present; `hidden` says the size of the
// state where they are not.
RecurrentLayer read_recurrent_layer(const OperatorCall& call, RecurrentKind kind, int64_t hidden);

}  // namespace demitasse
