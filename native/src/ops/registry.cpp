#include "ops/registry.h"

#include <unordered_map>

namespace demitasse {
namespace {

std::unordered_map<std::string_view, Operator> all_operators() {
  std::unordered_map<std::string_view, Operator> operators;
  for (std::span<const OperatorEntry> family : {
           elementwise_operators(),
           arithmetic_operators(),
           comparison_operators(),
           reduction_operators(),
           scan_operators(),
           cast_operators(),
           creation_operators(),
           quantization_operators(),
           movement_operators(),
           indexing_operators(),
           linear_operators(),
           normalization_operators(),
           convolution_operators(),
           pooling_operators(),
           recurrent_operators(),
           channels_last_operators(),
       }) {
    for (const OperatorEntry& entry : family) operators.emplace(entry.name, entry.run);
  }
  return operators;
}

}  // namespace

Operator find_operator(std::string_view name) {
  // Never destroyed: the process may exit while another thread still runs a program.
  static const auto& operators =
      *new std::unordered_map<std::string_view, Operator>(all_operators());
  const auto found = operators.find(name);
  return found == operators.end() ? nullptr : found->second;
}

}  // namespace demitasse
