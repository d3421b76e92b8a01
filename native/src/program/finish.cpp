// What is decided once, when a program is complete: definitions, lifetimes, where outputs go.
#include <algorithm>

#include "core/error.h"
#include "program/program.h"

namespace demitasse {

// Every value is defined before it is used, and once.
void Program::check_definitions() const {
  std::vector<bool> defined(values_.size());
  for (size_t id = 0; id < values_.size(); ++id) {
    defined[id] = values_[id].is_constant || values_[id].input >= 0;
  }
  const auto describe = [&](int32_t id) {
    return "value " + std::to_string(id) + ", " + values_[id].describe() + ",";
  };
  const auto check_defined = [&](const std::string& user, int32_t id) {
    if (defined[values_[id].root]) return;
    fail(DMT_INVALID_ARGUMENT, "%s: %s is read before anything has written it", user.c_str(),
         describe(id).c_str());
  };
  for (const Step& step : steps_) {
    for (int32_t id : step.reads) check_defined(step.name, id);
    for (int32_t id : step.updates) {
      check_defined(step.name, id);
      const Value& root = values_[values_[id].root];
      if (root.is_constant || root.input >= 0) {
        fail(DMT_INVALID_ARGUMENT, "%s: %s is a constant or an input and cannot be written",
             step.name.c_str(), describe(id).c_str());
      }
    }
    for (int32_t id : step.writes) {
      if (defined[values_[id].root]) {
        fail(DMT_INVALID_ARGUMENT, "%s: %s is written a second time, or is an input",
             step.name.c_str(), describe(id).c_str());
      }
      defined[values_[id].root] = true;
    }
  }
  for (int32_t id : outputs_) check_defined("output", id);
}

// The first output of a computed value is the memory that the value is computed in; all others are
// copied at the end.
void Program::bind_outputs() {
  direct_.assign(values_.size(), -1);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const int32_t root = values_[outputs_[i]].root;
    if (values_[root].is_constant || values_[root].input >= 0 || direct_[root] >= 0) {
      copies_.push_back({static_cast<int32_t>(i), outputs_[i]});
    } else {
      direct_[root] = static_cast<int32_t>(i);
    }
  }
}

void Program::find_lifetimes() {
  std::vector<Lifetime> lifetimes(values_.size());
  const auto use = [&](int32_t id, int32_t step) {
    const int32_t root = values_[id].root;
    const Value& value = values_[root];
    if (value.is_constant || value.input >= 0 || direct_[root] >= 0) return;
    Lifetime& lifetime = lifetimes[root];
    if (lifetime.value < 0) lifetime = {root, step, step};
    lifetime.last = step;
  };
  for (int32_t i = 0; i < step_count(); ++i) {
    for (const auto* ids : {&steps_[i].reads, &steps_[i].updates, &steps_[i].writes}) {
      for (int32_t id : *ids) use(id, i);
    }
  }
  std::copy_if(lifetimes.begin(), lifetimes.end(), std::back_inserter(lifetimes_),
               [](const Lifetime& lifetime) { return lifetime.value >= 0; });
}

// Groups of sequences cannot agree on a scale of the whole tensor, and would all write to the same
// static output.
bool Program::contradicts_separation() const {
  for (const Value& value : values_) {
    if (value.quantized && value.rows != DMT_ROWS_STATIC &&
        value.quantization.mode == DMT_QUANTIZATION_DYNAMIC_TENSOR) {
      return true;
    }
  }
  return std::any_of(outputs_.begin(), outputs_.end(), [&](int32_t id) {
    return values_[id].rows == DMT_ROWS_STATIC && direct_[values_[id].root] >= 0;
  });
}

void Program::finish(bool separable) {
  check_building();
  check_definitions();
  bind_outputs();
  find_lifetimes();
  separable_ = separable && has_rows_ && !contradicts_separation();
  layout_for({1, 1});  // fails here, not in the first run, when static values are too large
  finished_.store(true, std::memory_order_release);
}

}  // namespace demitasse
