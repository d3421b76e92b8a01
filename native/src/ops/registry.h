// Operators that are called by name: the ONNX element-wise, reduction, shape and linear families.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/tensor_view.h"
#include "threads/executor.h"

namespace demitasse {

// Everything an operator sees. Output shapes and types are given by the caller; an operator checks
// that they fit its inputs and attributes and calls fail(DMT_INVALID_ARGUMENT, ...) with the shapes
// when they do not. Outputs never overlap inputs.
struct OperatorCall {
  std::string_view name;
  std::span<const TensorView> inputs;   // absent optional inputs: present() is false
  std::span<const TensorView> outputs;  // absent optional outputs: present() is false
  std::span<const int64_t> integers;    // attributes; meaning: ops/README.md
  std::span<const double> floats;
  const Executor& executor;
};

using Operator = void (*)(const OperatorCall&);

struct OperatorEntry {
  std::string_view name;
  Operator run;
};

// One table per family, each in its own file: add the file's table to the list in registry.cpp.
std::span<const OperatorEntry> elementwise_operators();
std::span<const OperatorEntry> arithmetic_operators();
std::span<const OperatorEntry> comparison_operators();
std::span<const OperatorEntry> reduction_operators();
std::span<const OperatorEntry> scan_operators();
std::span<const OperatorEntry> cast_operators();
std::span<const OperatorEntry> creation_operators();
std::span<const OperatorEntry> quantization_operators();
std::span<const OperatorEntry> movement_operators();
std::span<const OperatorEntry> indexing_operators();
std::span<const OperatorEntry> linear_operators();
std::span<const OperatorEntry> normalization_operators();
std::span<const OperatorEntry> convolution_operators();
std::span<const OperatorEntry> pooling_operators();
std::span<const OperatorEntry> recurrent_operators();
std::span<const OperatorEntry> channels_last_operators();  // conv/

// nullptr when there is none.
Operator find_operator(std::string_view name);

}  // namespace demitasse
