#include "program/builder.h"

#include <cstdarg>
#include <cstdio>

#include "core/error.h"

namespace demitasse {

StepBuilder::StepBuilder(dmt_program* program, const char* name)
    : program_(programs().get(program)), lock_(program_->building()) {
  program_->check_building();
  step_.name = std::string(name) + " #" + std::to_string(program_->step_count());
}

void StepBuilder::reject(const char* format, ...) const {
  char message[800];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  fail(DMT_INVALID_ARGUMENT, "%s: %s", step_.name.c_str(), message);
}

const Value& StepBuilder::reads(int32_t id, const char* argument) {
  if (id < 0 || id >= static_cast<int32_t>(program_->values().size())) {
    reject("%s is %d, not the id of a value", argument, id);
  }
  step_.reads.push_back(id);
  return program_->value(id);
}

const Value& StepBuilder::writes(int32_t id, const char* argument) {
  const Value& value = reads(id, argument);
  step_.reads.pop_back();
  const Value& root = program_->value(value.root);
  if (root.is_constant) reject("%s is a constant", argument);
  if (root.input >= 0) reject("%s is an input of the program", argument);
  step_.writes.push_back(id);
  return value;
}

const Value& StepBuilder::updates(int32_t id, const char* argument) {
  const Value& value = writes(id, argument);
  step_.writes.pop_back();
  step_.updates.push_back(id);
  return value;
}

void StepBuilder::check_f32(const Value& value, const char* argument) const {
  if (value.quantized || value.dtype != DMT_F32) {
    reject("%s is %s, f32 is needed", argument, value.describe().c_str());
  }
  if (value.rank == 0 && value.rows == DMT_ROWS_STATIC) {
    reject("%s is a scalar, a matrix is needed", argument);
  }
}

void StepBuilder::check_same_rows(const Value& a, const char* a_name, const Value& b,
                                  const char* b_name) const {
  if (a.rows != b.rows || a.matrix_rows_per_row() != b.matrix_rows_per_row()) {
    reject("%s is %s and %s is %s: their rows differ", a_name, a.describe().c_str(), b_name,
           b.describe().c_str());
  }
}

void StepBuilder::check_features(const Value& value, const char* argument, int64_t features) const {
  if (value.features() != features) {
    reject("%s is %s, its last dimension must be %lld", argument, value.describe().c_str(),
           ll(features));
  }
}

void StepBuilder::check_row_quantized(const Value& value, const char* argument) const {
  if (!value.quantized) reject("%s is %s, not quantized", argument, value.describe().c_str());
  if (value.quantization.mode == DMT_QUANTIZATION_DYNAMIC_TENSOR) {
    reject(
        "%s has one scale from the whole tensor, which is known only afterwards: quantize it"
        " with an operation of its own",
        argument);
  }
}

void StepBuilder::check_flag(int32_t flag, const char* argument) const {
  if (flag != 0 && flag != 1) reject("%s is %d, not 0 or 1", argument, flag);
}

Sequences StepBuilder::sequences(const Value& rows_of, int64_t length) const {
  if (rows_of.rows == DMT_ROWS_TOKENS) {
    if (rows_of.matrix_rows_per_row() != 1) {
      reject("%s has several rows per token", rows_of.describe().c_str());
    }
    return {};
  }
  if (rows_of.rows == DMT_ROWS_SEQUENCES) {
    reject("%s has no token rows", rows_of.describe().c_str());
  }
  const int64_t rows = rows_of.matrix_rows_per_row();
  if (length <= 0 || rows % length != 0) {
    reject("sequence_length %lld does not divide the rows of %s", ll(length),
           rows_of.describe().c_str());
  }
  return Sequences(rows, length);
}

void StepBuilder::add(std::unique_ptr<Operation> operation) {
  step_.operation = std::move(operation);
  program_->add_step(std::move(step_));
}

Requantize requantize_mode(const Value& quantized) {
  return quantized.quantization.mode == DMT_QUANTIZATION_STATIC ? Requantize::given
                                                                : Requantize::dynamic_row;
}

}  // namespace demitasse
