#include "recurrent/layer.h"

#include "core/error.h"

namespace demitasse {
namespace {

// Keeps products of a few sizes within 64 bits.
constexpr int64_t kLargestHidden = INT64_MAX / 64;

int64_t gates_of(RecurrentKind kind) {
  return kind == RecurrentKind::lstm ? 4 : kind == RecurrentKind::gru ? 3 : 1;
}

size_t functions_of(RecurrentKind kind) {
  return kind == RecurrentKind::lstm ? 3 : kind == RecurrentKind::gru ? 2 : 1;
}

void require_state(const OperatorCall& call, const RecurrentLayer& layer, const TensorView& state) {
  const int64_t rows_first[] = {layer.batch, layer.directions, layer.hidden};
  const int64_t usual[] = {layer.directions, layer.batch, layer.hidden};
  require_shape(call, state, layer.batch_first ? rows_first : usual);
}

bool has_output(const OperatorCall& call, size_t index) {
  return index < call.outputs.size() && call.outputs[index].present();
}

void check_shapes(const OperatorCall& call, const RecurrentLayer& layer) {
  const int64_t rows = layer.width();
  const int64_t w[] = {layer.directions, rows, layer.inputs};
  const int64_t r[] = {layer.directions, rows, layer.hidden};
  const int64_t bias[] = {layer.directions, 2 * rows};
  const int64_t peepholes[] = {layer.directions, 3 * layer.hidden};
  const int64_t lengths[] = {layer.batch};
  const int64_t y[] = {layer.steps, layer.directions, layer.batch, layer.hidden};
  const int64_t y_rows_first[] = {layer.batch, layer.steps, layer.directions, layer.hidden};
  if (has_input(call, kW)) require_shape(call, call.inputs[kW], w);
  if (has_input(call, kR)) require_shape(call, call.inputs[kR], r);
  if (has_input(call, kBias)) require_shape(call, call.inputs[kBias], bias);
  if (has_input(call, kPeepholes)) require_shape(call, call.inputs[kPeepholes], peepholes);
  if (has_input(call, kLengths)) {
    require_dtype(call, call.inputs[kLengths], DMT_S32);
    require_shape(call, call.inputs[kLengths], lengths);
  }
  for (const size_t input : {kInitialH, kInitialC}) {
    if (has_input(call, input)) require_state(call, layer, call.inputs[input]);
  }
  if (has_output(call, kY)) {
    require_shape(call, call.outputs[kY], layer.batch_first ? y_rows_first : y);
  }
  for (const size_t output : {kLastH, kLastC}) {
    if (has_output(call, output)) require_state(call, layer, call.outputs[output]);
  }
}

RecurrentActivation read_activation(const OperatorCall& call, size_t index) {
  const int64_t function = call.integers[3 + index];
  if (function < 0 || function >= static_cast<int64_t>(RecurrentFunction::count)) {
    reject(call, "there is no activation function %lld", static_cast<long long>(function));
  }
  RecurrentActivation activation;
  activation.function = static_cast<RecurrentFunction>(function);
  activation.alpha = static_cast<float>(call.floats[1 + 2 * index]);
  activation.beta = static_cast<float>(call.floats[2 + 2 * index]);
  if (call.floats[0] > 0) activation.clip = static_cast<float>(call.floats[0]);
  return activation;
}

}  // namespace

bool find_recurrent_kind(std::string_view name, RecurrentKind* kind) {
  if (name == "RNN") {
    *kind = RecurrentKind::rnn;
  } else if (name == "GRU") {
    *kind = RecurrentKind::gru;
  } else if (name == "LSTM") {
    *kind = RecurrentKind::lstm;
  } else {
    return false;
  }
  return true;
}

RecurrentLayer read_recurrent_layer(const OperatorCall& call, RecurrentKind kind, int64_t hidden) {
  require_tensors(call, 1, 0);
  const TensorView& x = call.inputs[kX];
  if (x.rank != 3) reject(call, "x is %s, [steps, batch, inputs] is needed", describe(x).c_str());
  require_attributes(call, 3, 1);
  if (call.integers[1] < 0 || call.integers[1] > 2) {
    reject(call, "direction %lld", static_cast<long long>(call.integers[1]));
  }
  if (hidden < 0 || hidden > kLargestHidden) {
    reject(call, "a state of %lld is too large", static_cast<long long>(hidden));
  }
  RecurrentLayer layer;
  layer.kind = kind;
  layer.batch_first = call.integers[0] != 0;
  layer.direction = static_cast<RecurrentDirection>(call.integers[1]);
  layer.directions = layer.direction == RecurrentDirection::both ? 2 : 1;
  layer.variant = call.integers[2];
  layer.steps = x.dims[layer.batch_first ? 1 : 0];
  layer.batch = x.dims[layer.batch_first ? 0 : 1];
  layer.inputs = x.dims[2];
  layer.hidden = hidden;
  layer.gates = gates_of(kind);
  const size_t count = functions_of(kind) * layer.directions;
  require_attributes(call, 3 + count, 1 + 2 * count);
  for (size_t i = 0; i < count; ++i) layer.activations.push_back(read_activation(call, i));
  check_shapes(call, layer);
  return layer;
}

}  // namespace demitasse
