#include "ops/scatter.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/index.h"
#include "ops/strided_copy.h"

namespace demitasse {
namespace {

enum class Reduction { replace = 0, add = 1, multiply = 2, max = 3, min = 4 };

Reduction checked_reduction(const OperatorCall& call, int64_t reduction) {
  if (reduction < 0 || reduction > 4) {
    reject(call, "reduction %lld", static_cast<long long>(reduction));
  }
  return static_cast<Reduction>(reduction);
}

// Signed integers wrap around: computed unsigned.
template <class T>
T combine(Reduction reduction, T old, T update) {
  using C = Compute<T>;
  const C a = static_cast<C>(old), b = static_cast<C>(update);
  switch (reduction) {
    case Reduction::add:
      if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
      } else {
        return T(a + b);
      }
    case Reduction::multiply:
      if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
      } else {
        return T(a * b);
      }
    case Reduction::max:
      return a < b || b != b ? update : old;
    case Reduction::min:
      return b < a || b != b ? update : old;
    default:
      return update;
  }
}

void start_with_data(const OperatorCall& call) {
  require_tensors(call, 3);
  require_same_dtype(call, call.inputs[0], call.outputs[0]);
  require_same_dtype(call, call.inputs[0], call.inputs[2]);
  require_same_shape(call, call.inputs[0], call.outputs[0]);
  if (element_bytes(call.inputs[0].dtype) == 0) fail_dtype(call, call.inputs[0].dtype);
}

void copy_data(const OperatorCall& call) {
  const TensorView& data = call.inputs[0];
  const int64_t bytes = data.elements() * element_bytes(data.dtype);
  if (bytes > 0) std::memcpy(call.outputs[0].data, data.data, bytes);
}

// For each run of `run` updates, the element of the output where it goes.
void apply(const OperatorCall& call, Reduction reduction, const std::vector<int64_t>& places,
           int64_t run) {
  const TensorView& updates = call.inputs[2];
  const TensorView& out = call.outputs[0];
  if (reduction == Reduction::replace) {
    const int64_t bytes = run * element_bytes(out.dtype);
    for (size_t i = 0; bytes > 0 && i < places.size(); ++i) {
      std::memcpy(out.as<char>() + places[i] * element_bytes(out.dtype),
                  updates.as<char>() + i * bytes, bytes);
    }
    return;
  }
  dispatch_numeric(call, out.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for (size_t i = 0; i < places.size(); ++i) {
      T* to = out.as<T>() + places[i];
      const T* from = updates.as<T>() + i * run;
      for (int64_t j = 0; j < run; ++j) to[j] = combine(reduction, to[j], from[j]);
    }
  });
}

}  // namespace

void scatter_elements(const OperatorCall& call) {
  start_with_data(call);
  require_attributes(call, 2);
  const TensorView& data = call.inputs[0];
  const TensorView& indices = call.inputs[1];
  const int32_t axis = checked_axis(call, call.integers[0], data.rank);
  const Reduction reduction = checked_reduction(call, call.integers[1]);
  require_same_shape(call, indices, call.inputs[2]);
  std::vector<int64_t> places = element_places(call, data, indices, axis);
  copy_data(call);
  apply(call, reduction, places, 1);
}

void scatter_nd(const OperatorCall& call) {
  start_with_data(call);
  require_attributes(call, 1);
  const TensorView& data = call.inputs[0];
  const TensorView& indices = call.inputs[1];
  const TensorView& updates = call.inputs[2];
  const Reduction reduction = checked_reduction(call, call.integers[0]);
  const int64_t depth = indices.rank == 0 ? -1 : indices.dims[indices.rank - 1];
  if (depth < 0 || depth > data.rank || indices.rank - 1 + data.rank - depth > DMT_MAX_RANK) {
    reject(call, "indices %s do not fit %s", describe(indices).c_str(), describe(data).c_str());
  }
  int64_t expected[DMT_MAX_RANK];
  int64_t* end = std::copy_n(indices.dims, indices.rank - 1, expected);
  end = std::copy(data.dims + depth, data.dims + data.rank, end);
  require_shape(call, updates, {expected, end});
  const std::vector<int64_t> places = slice_places(call, data, indices, 0);
  copy_data(call);
  apply(call, reduction, places, product(data, static_cast<int32_t>(depth), data.rank));
}

}  // namespace demitasse
