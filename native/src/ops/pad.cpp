#include "ops/pad.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/arguments.h"
#include "ops/dispatch.h"

namespace demitasse {
namespace {

enum Mode { kConstant = 0, kReflect = 1, kEdge = 2, kWrap = 3 };

constexpr int64_t kOutside = -1;

int64_t modulo(int64_t value, int64_t divisor) {
  const int64_t rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}

// For each index along an output axis, the index along the input's, or kOutside.
std::vector<int64_t> source_indices(const OperatorCall& call, Mode mode, int32_t axis) {
  const int64_t size = call.inputs[0].dims[axis];
  const int64_t out_size = call.outputs[0].dims[axis];
  const int64_t begin = call.integers[axis + 1];
  int64_t end;  // elements added behind
  if (__builtin_sub_overflow(out_size - size, begin, &end)) {
    reject(call, "axis %d is padded by %lld", axis, static_cast<long long>(begin));
  }
  // What is left of the input after cropping; modes repeat that.
  const int64_t low = begin < 0 ? -std::max(begin, -size) : 0;
  const int64_t high = end < 0 ? size + std::max(end, -size) : size;
  const int64_t kept = high - low;
  if (kept < 0 || (kept == 0 && mode != kConstant && out_size > 0)) {
    reject(call, "axis %d: nothing of %s is left to pad", axis, describe(call.inputs[0]).c_str());
  }
  std::vector<int64_t> indices(out_size);
  const int64_t shift = std::max<int64_t>(begin, 0);
  for (int64_t i = 0; i < out_size; ++i) {
    int64_t at = i - shift;
    if (at < 0 || at >= kept) {
      switch (mode) {
        case kConstant:
          indices[i] = kOutside;
          continue;
        case kEdge:
          at = std::clamp<int64_t>(at, 0, kept - 1);
          break;
        case kWrap:
          at = modulo(at, kept);
          break;
        case kReflect: {
          const int64_t period = std::max<int64_t>(1, 2 * (kept - 1));
          at = modulo(at, period);
          at = std::min(at, period - at);
          if (kept == 1) at = 0;
          break;
        }
      }
    }
    indices[i] = low + at;
  }
  return indices;
}

// The number of leading and trailing entries around the longest run of neighbouring indices.
struct Run {
  int64_t begin = 0, end = 0;
};

Run inner_run(const std::vector<int64_t>& indices, int64_t begin) {
  const int64_t count = indices.size();
  Run run;
  run.begin = std::clamp<int64_t>(begin, 0, count);
  run.end = run.begin;
  while (run.end < count && indices[run.end] != kOutside &&
         indices[run.end] == indices[run.begin] + (run.end - run.begin)) {
    ++run.end;
  }
  return run;
}

template <class T>
void pad_rows(const OperatorCall& call, const std::vector<std::vector<int64_t>>& indices, T value) {
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int32_t last = in.rank - 1;
  const int64_t columns = out.dims[last];
  const std::vector<int64_t>& along = indices[last];
  const Run run = inner_run(along, call.integers[last + 1]);
  int64_t steps[DMT_MAX_RANK];
  int64_t step = 1;
  for (int32_t axis = last; axis >= 0; --axis) {
    steps[axis] = step;
    step *= in.dims[axis];
  }
  const int64_t grain = std::max<int64_t>(1, kElementGrain / columns);
  call.executor.parallel_for(out.elements() / columns, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T* to = out.as<T>() + row * columns;
      const T* from = in.as<T>();
      bool outside = false;
      int64_t rest = row;
      for (int32_t axis = last - 1; axis >= 0; --axis) {
        const int64_t index = indices[axis][rest % out.dims[axis]];
        rest /= out.dims[axis];
        outside = outside || index == kOutside;
        if (!outside) from += index * steps[axis];
      }
      if (outside) {
        std::fill_n(to, columns, value);
        continue;
      }
      const auto place = [&](int64_t i) { to[i] = along[i] == kOutside ? value : from[along[i]]; };
      for (int64_t i = 0; i < run.begin; ++i) place(i);
      if (run.end > run.begin) {
        std::memcpy(to + run.begin, from + along[run.begin], (run.end - run.begin) * sizeof(T));
      }
      for (int64_t i = run.end; i < columns; ++i) place(i);
    }
  });
}

// The bits of the constant: those of input 1, or floats[0] converted.
template <class T>
T constant_value(const OperatorCall& call) {
  T value = 0;
  if (has_input(call, 1)) {
    std::memcpy(&value, call.inputs[1].data, sizeof(T));
    return value;
  }
  dispatch_numeric_or_bool(call, call.inputs[0].dtype, [&](auto type) {
    using Element = typename decltype(type)::type;
    const double number = call.floats[0];
    Element element;
    if constexpr (is_half<Element>) {
      element = Element(static_cast<float>(number));
    } else if constexpr (std::is_same_v<Element, Bool>) {
      element = Bool(number != 0);
    } else if constexpr (is_floating<Element>) {
      element = static_cast<Element>(number);
    } else {
      // Converting a double outside the type's range would be undefined.
      element = static_cast<Element>(
          static_cast<int64_t>(std::clamp(number == number ? number : 0.0, -0x1p62, 0x1p62)));
    }
    if constexpr (sizeof(Element) == sizeof(T)) std::memcpy(&value, &element, sizeof(T));
  });
  return value;
}

}  // namespace

void pad(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  require_same_dtype(call, in, out);
  require_attributes(call, in.rank + 1, 1);
  const int64_t mode = call.integers[0];
  if (mode < kConstant || mode > kWrap) {
    reject(call, "mode %lld", static_cast<long long>(mode));
  }
  if (has_input(call, 1)) {
    require_same_dtype(call, in, call.inputs[1]);
    if (call.inputs[1].elements() != 1) {
      reject(call, "the constant is %s", describe(call.inputs[1]).c_str());
    }
  }
  if (out.rank != in.rank) {
    reject(call, "%s cannot be padded to %s", describe(in).c_str(), describe(out).c_str());
  }
  if (element_bytes(in.dtype) == 0) fail_dtype(call, in.dtype);
  if (in.rank == 0) {
    std::memcpy(out.data, in.data, element_bytes(in.dtype));
    return;
  }
  if (out.elements() == 0) return;
  std::vector<std::vector<int64_t>> indices;
  for (int32_t axis = 0; axis < in.rank; ++axis) {
    indices.push_back(source_indices(call, static_cast<Mode>(mode), axis));
  }
  dispatch_size(call, in.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    pad_rows<T>(call, indices, constant_value<T>(call));
  });
}

}  // namespace demitasse
