// Checks the arguments of one builder call and adds the operation.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "program/program.h"

namespace demitasse {

class StepBuilder {
 public:
  // Holds the program's building lock for as long as it lives.
  StepBuilder(dmt_program* program, const char* name);

  // The value of a given id, which must exist; it is read, or written, by the operation.
  const Value& reads(int32_t id, const char* argument);
  const Value& writes(int32_t id, const char* argument);
  const Value& updates(int32_t id, const char* argument);  // read and written

  // Fails unless the value is a plain (not quantized) f32 tensor of at least one dimension.
  void check_f32(const Value& value, const char* argument) const;
  // Fails unless the two have the same number of rows of a matrix in every run.
  void check_same_rows(const Value& a, const char* a_name, const Value& b,
                       const char* b_name) const;
  void check_features(const Value& value, const char* argument, int64_t features) const;
  // Fails unless the value is quantized per row or statically, as epilogues can do it.
  void check_row_quantized(const Value& value, const char* argument) const;
  void check_flag(int32_t flag, const char* argument) const;

  // The sequences in the rows of `rows_of`; length is used (and checked) for static rows only.
  Sequences sequences(const Value& rows_of, int64_t length) const;

  // Fails with DMT_INVALID_ARGUMENT: "linear #3: " and the message.
  [[noreturn]] void reject(const char* format, ...) const __attribute__((format(printf, 2, 3)));

  void add(std::unique_ptr<Operation> operation);

  Program& program() const { return *program_; }

 private:
  std::shared_ptr<Program> program_;
  std::unique_lock<std::mutex> lock_;
  Step step_;
};

// How an operation has to produce a quantized value.
Requantize requantize_mode(const Value& quantized);

}  // namespace demitasse
