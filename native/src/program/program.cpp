#include "program/program.h"

#include <cstring>

#include "core/error.h"

namespace demitasse {
namespace {

// Far more than any network has; bounds what a runaway builder can allocate.
constexpr size_t kMaxCount = size_t{1} << 22;

}  // namespace

Handles<dmt_program, Program>& programs() {
  // Never destroyed: the process may exit while another thread still runs a program.
  static auto& handles = *new Handles<dmt_program, Program>("program");
  return handles;
}

Program::Program() : isa_(active_isa()) {}

void Program::check_building() const {
  if (finished_.load(std::memory_order_acquire)) {
    fail(DMT_INVALID_ARGUMENT, "the program is finished and cannot be changed");
  }
}

void Program::check_finished() const {
  if (!finished_.load(std::memory_order_acquire)) {
    fail(DMT_INVALID_ARGUMENT, "the program is not finished");
  }
}

const Value& Program::value(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= values_.size()) {
    fail(DMT_INVALID_ARGUMENT, "%d is not the id of a value", id);
  }
  return values_[id];
}

int32_t Program::add_value(Value value) {
  check_building();
  if (values_.size() >= kMaxCount) fail(DMT_INVALID_ARGUMENT, "the program has too many values");
  const int32_t id = static_cast<int32_t>(values_.size());
  if (value.root < 0) value.root = id;
  if (value.rows != DMT_ROWS_STATIC) has_rows_ = true;
  values_.push_back(value);
  return id;
}

int32_t Program::add_constant(Value value, const void* data, bool copy) {
  check_building();
  const int64_t bytes = value.bytes({});
  if (copy && bytes > 0) {
    auto memory = std::make_unique<AlignedBuffer<uint8_t>>(bytes);
    std::memcpy(memory->data(), data, static_cast<size_t>(bytes));
    data = memory->data();
    constants_.push_back(std::move(memory));
    constant_bytes_.set(constant_bytes_.get() + bytes);
  }
  value.constant = data;
  value.is_constant = true;
  return add_value(value);
}

int32_t Program::add_alias(int32_t source_id, Value shape) {
  const Value& source = value(source_id);
  if (source.quantized) fail(DMT_INVALID_ARGUMENT, "alias: a quantized value has no other shape");
  shape.dtype = source.dtype;
  if (shape.rows != source.rows || shape.elements_per_row() != source.elements_per_row()) {
    fail(DMT_INVALID_ARGUMENT, "alias: %s cannot be seen as %s", source.describe().c_str(),
         shape.describe().c_str());
  }
  shape.root = source.root;
  return add_value(shape);
}

void Program::add_input(int32_t id) {
  check_building();
  const Value& input = value(id);
  Value& root = values_[input.root];
  if (input.quantized) fail(DMT_INVALID_ARGUMENT, "input %d: a quantized value", id);
  if (root.is_constant) fail(DMT_INVALID_ARGUMENT, "input %d: a constant", id);
  if (root.input >= 0) fail(DMT_INVALID_ARGUMENT, "input %d: marked already", id);
  root.input = static_cast<int32_t>(inputs_.size());
  inputs_.push_back(id);
}

void Program::add_output(int32_t id) {
  check_building();
  if (value(id).quantized) fail(DMT_INVALID_ARGUMENT, "output %d: a quantized value", id);
  if (outputs_.size() >= kMaxCount) fail(DMT_INVALID_ARGUMENT, "the program has too many outputs");
  outputs_.push_back(id);
}

void Program::add_step(Step step) {
  check_building();
  if (steps_.size() >= kMaxCount) {
    fail(DMT_INVALID_ARGUMENT, "the program has too many operations");
  }
  steps_.push_back(std::move(step));
}

}  // namespace demitasse
