#include "ops/arguments.h"

#include <cstdarg>
#include <cstdio>

#include "core/error.h"
#include "ops/dispatch.h"

namespace demitasse {
namespace {

std::string name_of(const OperatorCall& call) { return std::string(call.name); }

}  // namespace

void fail_dtype(const OperatorCall& call, int32_t dtype) {
  fail(DMT_UNSUPPORTED, "%s is not implemented for element type %s", name_of(call).c_str(),
       dtype_name(dtype));
}

std::string describe(const TensorView& tensor) {
  if (!tensor.present()) return "nothing";
  std::string text = dtype_name(tensor.dtype);
  text += '[';
  for (int32_t i = 0; i < tensor.rank; ++i) {
    if (i > 0) text += ',';
    text += std::to_string(tensor.dims[i]);
  }
  text += ']';
  return text;
}

bool has_input(const OperatorCall& call, size_t index) {
  return index < call.inputs.size() && call.inputs[index].present();
}

void require_tensors(const OperatorCall& call, size_t inputs, size_t outputs) {
  for (size_t i = 0; i < inputs; ++i) {
    if (!has_input(call, i)) {
      fail(DMT_INVALID_ARGUMENT, "%s needs input %zu", name_of(call).c_str(), i);
    }
  }
  for (size_t i = 0; i < outputs; ++i) {
    if (i >= call.outputs.size() || !call.outputs[i].present()) {
      fail(DMT_INVALID_ARGUMENT, "%s needs output %zu", name_of(call).c_str(), i);
    }
  }
}

void require_attributes(const OperatorCall& call, size_t integers, size_t floats) {
  if (call.integers.size() < integers || call.floats.size() < floats) {
    fail(DMT_INVALID_ARGUMENT, "%s needs %zu integers and %zu floats, given %zu and %zu",
         name_of(call).c_str(), integers, floats, call.integers.size(), call.floats.size());
  }
}

void require_dtype(const OperatorCall& call, const TensorView& tensor, int32_t dtype) {
  if (tensor.dtype != dtype) {
    fail(DMT_INVALID_ARGUMENT, "%s: expected %s, given %s", name_of(call).c_str(),
         dtype_name(dtype), describe(tensor).c_str());
  }
}

void require_same_dtype(const OperatorCall& call, const TensorView& a, const TensorView& b) {
  if (a.dtype != b.dtype) {
    fail(DMT_INVALID_ARGUMENT, "%s: element types differ: %s and %s", name_of(call).c_str(),
         describe(a).c_str(), describe(b).c_str());
  }
}

bool same_shape(const TensorView& a, const TensorView& b) {
  if (a.rank != b.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

void require_same_shape(const OperatorCall& call, const TensorView& a, const TensorView& b) {
  if (!same_shape(a, b)) {
    fail(DMT_INVALID_ARGUMENT, "%s: shapes differ: %s and %s", name_of(call).c_str(),
         describe(a).c_str(), describe(b).c_str());
  }
}

void reject(const OperatorCall& call, const char* format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof(message), format, arguments);
  va_end(arguments);
  fail(DMT_INVALID_ARGUMENT, "%s: %s", name_of(call).c_str(), message);
}

void require_shape(const OperatorCall& call, const TensorView& tensor,
                   std::span<const int64_t> dims) {
  bool equal = static_cast<size_t>(tensor.rank) == dims.size();
  for (size_t i = 0; equal && i < dims.size(); ++i) equal = tensor.dims[i] == dims[i];
  if (equal) return;
  std::string expected;
  for (const int64_t dim : dims) {
    if (!expected.empty()) expected += ',';
    expected += std::to_string(dim);
  }
  reject(call, "the shape must be [%s], given %s", expected.c_str(), describe(tensor).c_str());
}

int32_t checked_axis(const OperatorCall& call, int64_t axis, int32_t rank) {
  if (axis < -rank || axis >= rank) {
    fail(DMT_INVALID_ARGUMENT, "%s: axis %lld does not exist for rank %d", name_of(call).c_str(),
         static_cast<long long>(axis), rank);
  }
  return static_cast<int32_t>(axis < 0 ? axis + rank : axis);
}

int64_t product(const TensorView& tensor, int32_t begin, int32_t end) {
  int64_t count = 1;
  for (int32_t i = begin; i < end; ++i) count *= tensor.dims[i];
  return count;
}

AxisView around_axis(const TensorView& tensor, int32_t axis) {
  return {product(tensor, 0, axis), tensor.dims[axis], product(tensor, axis + 1, tensor.rank)};
}

}  // namespace demitasse
