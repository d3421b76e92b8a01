// Operators that make tensors from attributes and scalars, and copies.
#include <cstring>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "ops/wide_elements.h"

namespace demitasse {
namespace {

void copy(const OperatorCall& call, const TensorView& x, const TensorView& y) {
  require_same_dtype(call, x, y);
  if (x.elements() != y.elements()) require_same_shape(call, x, y);
  const int64_t bytes = (x.elements() * element_bits(x.dtype) + 7) / 8;
  const auto* from = x.as<const char>();
  auto* to = y.as<char>();
  call.executor.parallel_for(bytes, kElementGrain * 4, [&](int64_t begin, int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin));
  });
}

void identity(const OperatorCall& call) {
  require_tensors(call, 1);
  copy(call, call.inputs[0], call.outputs[0]);
}

// Inputs: start, limit, delta. As many elements as the output has.
void range(const OperatorCall& call) {
  require_tensors(call, 3);
  const TensorView& y = call.outputs[0];
  for (size_t i = 0; i < 3; ++i) {
    require_same_dtype(call, call.inputs[i], y);
    if (call.inputs[i].elements() != 1) {
      fail(DMT_INVALID_ARGUMENT, "Range: input %zu, %s, is not a scalar", i,
           describe(call.inputs[i]).c_str());
    }
  }
  dispatch_numeric(call, y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* to = y.as<T>();
    const int64_t count = y.elements();
    if constexpr (is_floating<T>) {
      const double start = static_cast<double>(*call.inputs[0].as<T>());
      const double delta = static_cast<double>(*call.inputs[2].as<T>());
      for (int64_t i = 0; i < count; ++i) {
        to[i] = from_double<T>(start + static_cast<double>(i) * delta);
      }
    } else {
      const auto start = static_cast<uint64_t>(*call.inputs[0].as<T>());
      const auto delta = static_cast<uint64_t>(*call.inputs[2].as<T>());
      for (int64_t i = 0; i < count; ++i) {
        to[i] = static_cast<T>(start + static_cast<uint64_t>(i) * delta);
      }
    }
  });
}

// integers: the diagonal, 0 for the main one, positive above it.
void eye_like(const OperatorCall& call) {
  require_tensors(call, 0);
  require_attributes(call, 1);
  const TensorView& y = call.outputs[0];
  if (y.rank != 2) {
    fail(DMT_INVALID_ARGUMENT, "EyeLike needs a matrix, given %s", describe(y).c_str());
  }
  dispatch_numeric_or_bool(call, y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* to = y.as<T>();
    const int64_t rows = y.dims[0], columns = y.dims[1];
    std::fill_n(to, rows * columns, T(0));
    for (int64_t row = 0; columns > 0 && row < rows; ++row) {
      int64_t column;
      if (__builtin_add_overflow(row, call.integers[0], &column)) continue;
      if (column >= 0 && column < columns) to[row * columns + column] = T(1);
    }
  });
}

// Inference: a copy, and a mask of ones where one is wanted.
void dropout(const OperatorCall& call) {
  identity(call);
  if (call.outputs.size() < 2 || !call.outputs[1].present()) return;
  const TensorView& mask = call.outputs[1];
  dispatch_numeric_or_bool(call, mask.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    std::fill_n(mask.as<T>(), mask.elements(), T(1));
  });
}

constexpr OperatorEntry kOperators[] = {
    {"Identity", identity},
    {"Range", range},
    {"EyeLike", eye_like},
    {"Dropout", dropout},
};

}  // namespace

std::span<const OperatorEntry> creation_operators() { return kOperators; }

}  // namespace demitasse
