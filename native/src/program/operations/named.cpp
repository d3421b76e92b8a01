// Operators of the registry as operations of a program.
#include <algorithm>

#include "ops/registry.h"
#include "program/builder.h"

namespace demitasse {
namespace {

// More than any operator takes; bounds the arrays that are read.
constexpr int32_t kMaxArguments = 4096;

class Named final : public Operation {
 public:
  std::string name;
  Operator operation = nullptr;
  std::vector<int32_t> inputs, outputs;
  std::vector<int64_t> integers;
  std::vector<double> floats;

  void run(const Frame& frame) const override {
    const auto tensors = [&](const std::vector<int32_t>& ids) {
      std::vector<TensorView> views(ids.size());
      std::transform(ids.begin(), ids.end(), views.begin(),
                     [&](int32_t id) { return frame.tensor(id); });
      return views;
    };
    const std::vector<TensorView> in = tensors(inputs), out = tensors(outputs);
    operation({name, in, out, integers, floats, frame.executor()});
  }
};

template <class T>
std::vector<T> copied(const StepBuilder& step, const char* what, const T* data, int32_t count) {
  if (count < 0 || count > kMaxArguments) step.reject("%d %s", count, what);
  if (count > 0 && data == nullptr) step.reject("%s is NULL", what);
  return std::vector<T>(data, data + count);
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_operator(dmt_program* program, const char* name, const int32_t* inputs,
                             int32_t input_count, const int32_t* outputs, int32_t output_count,
                             const int64_t* integers, int32_t integer_count, const double* floats,
                             int32_t float_count) {
  return guarded([&] {
    if (name == nullptr) fail(DMT_INVALID_ARGUMENT, "operator: name is NULL");
    StepBuilder step(program, name);
    auto named = std::make_unique<Named>();
    named->name = name;
    named->operation = find_operator(name);
    if (named->operation == nullptr) fail(DMT_UNSUPPORTED, "there is no operator %.100s", name);
    named->inputs = copied(step, "inputs", inputs, input_count);
    named->outputs = copied(step, "outputs", outputs, output_count);
    named->integers = copied(step, "integers", integers, integer_count);
    named->floats = copied(step, "floats", floats, float_count);
    const auto check_plain = [&](const Value& value, const char* argument) {
      if (value.quantized) step.reject("%s is a quantized value", argument);
    };
    for (int32_t id : named->inputs) {
      if (id != -1) check_plain(step.reads(id, "input"), "input");
    }
    for (int32_t id : named->outputs) {
      if (id != -1) check_plain(step.writes(id, "output"), "output");
    }
    step.add(std::move(named));
  });
}
