// Recurrent layers whose weights come with the call: packed for it, in f32.
#include <memory>
#include <optional>
#include <vector>

#include "ops/arguments.h"
#include "ops/float_values.h"
#include "ops/registry.h"
#include "recurrent/run.h"

namespace demitasse {
namespace {

// Everything as f32.
class Tensors {
 public:
  explicit Tensors(const OperatorCall& call) {
    for (const size_t input : {kX, kW, kR, kBias, kInitialH, kInitialC, kPeepholes}) {
      if (has_input(call, input)) inputs_[input].emplace(call, call.inputs[input]);
    }
    for (size_t output = 0; output < kRecurrentOutputs; ++output) {
      if (output < call.outputs.size() && call.outputs[output].present()) {
        outputs_[output].emplace(call, call.outputs[output]);
      }
    }
    if (has_input(call, kLengths)) lengths_ = call.inputs[kLengths].as<int32_t>();
  }

  const float* in(RecurrentInput input) const {
    return inputs_[input] ? inputs_[input]->data() : nullptr;
  }
  RecurrentTensors all() const {
    const auto out = [this](RecurrentOutput output) {
      return outputs_[output] ? outputs_[output]->data() : nullptr;
    };
    return {in(kX),         in(kBias), lengths_,    in(kInitialH), in(kInitialC),
            in(kPeepholes), out(kY),   out(kLastH), out(kLastC)};
  }
  void store() const {
    for (const auto& output : outputs_) {
      if (output) output->store();
    }
  }

 private:
  std::optional<FloatValues> inputs_[kRecurrentInputs];
  std::optional<FloatResult> outputs_[kRecurrentOutputs];
  const int32_t* lengths_ = nullptr;
};

// Rows [first, first + count) of a row-major matrix of k columns, as a linear operator's weight.
std::shared_ptr<const Weight> pack(const float* matrix, int64_t k, int64_t first, int64_t count) {
  return pack_float_weight(active_isa(), DMT_F32, matrix + first * k, k, count, 1, k);
}

RecurrentWeights pack_direction(const RecurrentLayer& layer, const Tensors& tensors, int64_t d) {
  const float* w = tensors.in(kW) + d * layer.width() * layer.inputs;
  const float* r = tensors.in(kR) + d * layer.width() * layer.hidden;
  RecurrentWeights weights;
  if (layer.inputs > 0) weights.input = pack(w, layer.inputs, 0, layer.width());
  weights.recurrence = pack(r, layer.hidden, 0, layer.recurrent_width());
  if (layer.candidate_apart()) {
    weights.candidate = pack(r, layer.hidden, 2 * layer.hidden, layer.hidden);
  }
  return weights;
}

template <RecurrentKind kind>
void recurrent(const OperatorCall& call) {
  require_tensors(call, 3, 0);
  const TensorView& r = call.inputs[kR];
  if (r.rank != 3) reject(call, "the recurrence weights are %s", describe(r).c_str());
  const RecurrentLayer layer = read_recurrent_layer(call, kind, r.dims[2]);
  if (layer.batch == 0 || layer.hidden == 0) return;
  const Tensors tensors(call);
  std::vector<RecurrentWeights> weights;
  for (int64_t d = 0; d < layer.directions; ++d) {
    weights.push_back(pack_direction(layer, tensors, d));
  }
  run_recurrent(active_isa(), layer, weights, tensors.all(), false, call.executor);
  tensors.store();
}

constexpr OperatorEntry kOperators[] = {{"RNN", recurrent<RecurrentKind::rnn>},
                                        {"LSTM", recurrent<RecurrentKind::lstm>},
                                        {"GRU", recurrent<RecurrentKind::gru>}};

}  // namespace

std::span<const OperatorEntry> recurrent_operators() { return kOperators; }

}  // namespace demitasse
