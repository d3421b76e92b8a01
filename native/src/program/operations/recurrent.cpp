// Recurrent layers whose weights are packed once and shared.
#include <algorithm>
#include <vector>

#include "program/builder.h"
#include "program/weight.h"
#include "recurrent/run.h"

namespace demitasse {
namespace {

// More than any kind of layer takes; bounds the arrays that are read.
constexpr int32_t kMaxAttributes = 64;

class Recurrent final : public Operation {
 public:
  RecurrentLayer layer;
  std::vector<RecurrentWeights> weights;
  int32_t inputs[kRecurrentInputs], outputs[kRecurrentOutputs];
  bool quantizes = false;

  void run(const Frame& frame) const override {
    RecurrentTensors tensors;
    tensors.x = frame.f32(inputs[kX]);
    tensors.bias = frame.f32(inputs[kBias]);
    tensors.lengths = frame.tensor(inputs[kLengths]).as<int32_t>();
    tensors.initial_h = frame.f32(inputs[kInitialH]);
    tensors.initial_c = frame.f32(inputs[kInitialC]);
    tensors.peepholes = frame.f32(inputs[kPeepholes]);
    tensors.y = frame.f32(outputs[kY]);
    tensors.last_h = frame.f32(outputs[kLastH]);
    tensors.last_c = frame.f32(outputs[kLastC]);
    run_recurrent(frame.isa(), layer, weights, tensors, quantizes, frame.executor());
  }
};

template <class T>
std::span<const T> checked(const StepBuilder& step, const char* what, const T* data,
                           int32_t count) {
  if (count < 0 || count > kMaxAttributes) step.reject("%d %s", count, what);
  if (count > 0 && data == nullptr) step.reject("%s is NULL", what);
  return {data, static_cast<size_t>(count)};
}

// What a value looks like to an operator: static, and of the type that it must have.
TensorView view(const StepBuilder& step, const Value& value, const char* argument, int32_t dtype) {
  if (value.quantized || value.dtype != dtype || value.rows != DMT_ROWS_STATIC) {
    step.reject("%s is %s, a static value of %s is needed", argument, value.describe().c_str(),
                dtype_name(dtype));
  }
  return value.view({}, nullptr);
}

std::shared_ptr<const PackedWeight> find_weight(const StepBuilder& step, int64_t handle) {
  std::shared_ptr<const PackedWeight> packed =
      weights().get(reinterpret_cast<const dmt_weight*>(handle));
  if (packed->weight == nullptr) step.reject("a weight is that of a convolution");
  return packed;
}

void check_matrix(const StepBuilder& step, const Weight& weight, const char* role, int64_t d,
                  int64_t k, int64_t n) {
  if (weight.k() != k || weight.n() != n) {
    step.reject("the %s weight of direction %lld is [%lld x %lld], [%lld x %lld] is needed", role,
                ll(d), ll(weight.k()), ll(weight.n()), ll(k), ll(n));
  }
}

// Looks up the weights of all directions: for each one that of the input, of the recurrence and, if
// it is apart, of the candidate.
void find_weights(const StepBuilder& step, std::span<const int64_t> handles, int64_t directions,
                  bool candidate_apart, Recurrent& made) {
  const int64_t each = candidate_apart ? 3 : 2;
  if (static_cast<int64_t>(handles.size()) != each * directions) {
    step.reject("%zu weights are given, %lld for each of %lld directions are needed",
                handles.size(), ll(each), ll(directions));
  }
  const auto matrix = [&](int64_t index) {
    const std::shared_ptr<const PackedWeight> packed = find_weight(step, handles[index]);
    if (made.quantizes && !packed->integer) {
      step.reject("rows cannot be quantized for a weight of floats");
    }
    return std::shared_ptr<const Weight>(packed, packed->weight.get());  // shares the ownership
  };
  for (int64_t first = 0; first < each * directions; first += each) {
    made.weights.push_back(
        {matrix(first), matrix(first + 1), candidate_apart ? matrix(first + 2) : nullptr});
  }
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_recurrent(dmt_program* program, const char* name, const int32_t* inputs,
                              int32_t input_count, const int64_t* weight_handles,
                              int32_t weight_count, const int32_t* outputs, int32_t output_count,
                              const int64_t* integers, int32_t integer_count, const double* floats,
                              int32_t float_count, int32_t quantize) {
  return guarded([&] {
    if (name == nullptr) fail(DMT_INVALID_ARGUMENT, "recurrent layer: name is NULL");
    RecurrentKind kind;
    if (!find_recurrent_kind(name, &kind)) {
      fail(DMT_UNSUPPORTED, "there is no recurrent layer %.100s", name);
    }
    StepBuilder step(program, name);
    step.check_flag(quantize, "quantize");
    auto made = std::make_unique<Recurrent>();
    made->quantizes = quantize == 1;
    const std::span ins = checked(step, "inputs", inputs, input_count);
    const std::span outs = checked(step, "outputs", outputs, output_count);
    if (ins.size() != kRecurrentInputs || outs.size() != kRecurrentOutputs) {
      step.reject("%d inputs and %d outputs are given, %zu and %zu are needed", input_count,
                  output_count, kRecurrentInputs, kRecurrentOutputs);
    }
    static constexpr const char* kInputNames[] = {"x",       "w",         "r",         "bias",
                                                  "lengths", "initial_h", "initial_c", "peepholes"};
    static constexpr const char* kOutputNames[] = {"y", "last_h", "last_c"};
    std::vector<TensorView> in(kRecurrentInputs), out(kRecurrentOutputs);
    for (size_t i = 0; i < kRecurrentInputs; ++i) {
      made->inputs[i] = ins[i];
      if (ins[i] == -1) continue;
      if (i == kW || i == kR) step.reject("%s is a value, weights are packed", kInputNames[i]);
      in[i] = view(step, step.reads(ins[i], kInputNames[i]), kInputNames[i],
                   i == kLengths ? DMT_S32 : DMT_F32);
    }
    for (size_t i = 0; i < kRecurrentOutputs; ++i) {
      made->outputs[i] = outs[i];
      if (outs[i] == -1) continue;
      out[i] = view(step, step.writes(outs[i], kOutputNames[i]), kOutputNames[i], DMT_F32);
    }
    const std::span handles = checked(step, "weights", weight_handles, weight_count);
    if (handles.size() < 2) step.reject("no weights are given");
    const std::shared_ptr<const PackedWeight> recurrence = find_weight(step, handles[1]);
    const OperatorCall call{name,
                            in,
                            out,
                            checked(step, "integers", integers, integer_count),
                            checked(step, "floats", floats, float_count),
                            serial_executor()};
    made->layer = read_recurrent_layer(call, kind, recurrence->weight->k());
    const RecurrentLayer& layer = made->layer;
    find_weights(step, handles, layer.directions, layer.candidate_apart(), *made);
    for (int64_t d = 0; d < layer.directions; ++d) {
      const RecurrentWeights& of = made->weights[d];
      check_matrix(step, *of.input, "input", d, layer.inputs, layer.width());
      check_matrix(step, *of.recurrence, "recurrence", d, layer.hidden, layer.recurrent_width());
      if (of.candidate) {
        check_matrix(step, *of.candidate, "candidate", d, layer.hidden, layer.hidden);
      }
    }
    step.add(std::move(made));
  });
}
