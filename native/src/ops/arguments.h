// Checks that operators make of what they are called with.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ops/registry.h"

namespace demitasse {

// "float32[2,3]", or "nothing" for an absent tensor.
std::string describe(const TensorView& tensor);

// At least `inputs` inputs and `outputs` outputs, all present.
void require_tensors(const OperatorCall& call, size_t inputs, size_t outputs = 1);

// At least this many attributes.
void require_attributes(const OperatorCall& call, size_t integers, size_t floats = 0);

bool has_input(const OperatorCall& call, size_t index);

// printf-style; fails with DMT_INVALID_ARGUMENT and the operator's name in front.
[[noreturn]] void reject(const OperatorCall& call, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

// The tensor has exactly these dimensions.
void require_shape(const OperatorCall& call, const TensorView& tensor,
                   std::span<const int64_t> dims);

void require_dtype(const OperatorCall& call, const TensorView& tensor, int32_t dtype);

void require_same_dtype(const OperatorCall& call, const TensorView& a, const TensorView& b);

// Equal ranks and dimensions.
bool same_shape(const TensorView& a, const TensorView& b);
void require_same_shape(const OperatorCall& call, const TensorView& a, const TensorView& b);

// An axis in -rank .. rank-1, made non-negative; fails for any other.
int32_t checked_axis(const OperatorCall& call, int64_t axis, int32_t rank);

// Product of the dimensions [begin, end).
int64_t product(const TensorView& tensor, int32_t begin, int32_t end);

// A tensor seen as [outer][size][inner] around one axis.
struct AxisView {
  int64_t outer = 1, size = 1, inner = 1;
};
AxisView around_axis(const TensorView& tensor, int32_t axis);

// Elements that one thread takes at a time when each costs about a nanosecond.
inline constexpr int64_t kElementGrain = 16384;

}  // namespace demitasse
