// Operators that pick or place elements by index.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/index.h"
#include "ops/registry.h"
#include "ops/scatter.h"

namespace demitasse {
namespace {

// Copies `run` bytes from each of the places (in units of `unit` bytes), one behind the other.
void pick_runs(const OperatorCall& call, const std::vector<int64_t>& places, int64_t unit,
               int64_t run) {
  const char* from = call.inputs[0].as<char>();
  char* to = call.outputs[0].as<char>();
  if (run == 0) return;
  const int64_t grain = std::max<int64_t>(1, 65536 / run);
  call.executor.parallel_for(places.size(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::memcpy(to + i * run, from + places[i] * unit, run);
  });
}

int64_t movable_bytes(const OperatorCall& call) {
  require_same_dtype(call, call.inputs[0], call.outputs[0]);
  const int64_t bytes = element_bytes(call.inputs[0].dtype);
  if (bytes == 0) fail_dtype(call, call.inputs[0].dtype);
  return bytes;
}

void gather(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 1);
  const TensorView& data = call.inputs[0];
  const TensorView& indices = call.inputs[1];
  const int64_t bytes = movable_bytes(call);
  const int32_t axis = checked_axis(call, call.integers[0], data.rank);
  if (data.rank - 1 + indices.rank > DMT_MAX_RANK) {
    reject(call, "%s of %s has more than %d dimensions", describe(indices).c_str(),
           describe(data).c_str(), DMT_MAX_RANK);
  }
  int64_t expected[2 * DMT_MAX_RANK];
  int64_t* end = std::copy_n(data.dims, axis, expected);
  end = std::copy_n(indices.dims, indices.rank, end);
  end = std::copy(data.dims + axis + 1, data.dims + data.rank, end);
  require_shape(call, call.outputs[0], {expected, end});
  const AxisView around = around_axis(data, axis);
  std::vector<int64_t> picks = read_integers(call, indices);
  for (int64_t& pick : picks) pick = checked_index(call, pick, around.size);
  if (call.outputs[0].elements() == 0) return;
  std::vector<int64_t> places;
  places.reserve(around.outer * picks.size());
  for (int64_t outer = 0; outer < around.outer; ++outer) {
    for (const int64_t pick : picks) places.push_back(outer * around.size + pick);
  }
  pick_runs(call, places, around.inner * bytes, around.inner * bytes);
}

void gather_elements(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 1);
  const TensorView& data = call.inputs[0];
  movable_bytes(call);
  const int32_t axis = checked_axis(call, call.integers[0], data.rank);
  require_same_shape(call, call.inputs[1], call.outputs[0]);
  const std::vector<int64_t> places = element_places(call, data, call.inputs[1], axis);
  dispatch_size(call, data.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* out = call.outputs[0].as<T>();
    for (size_t i = 0; i < places.size(); ++i) out[i] = data.as<T>()[places[i]];
  });
}

// integers: the number of leading dimensions that data and indices share.
void gather_nd(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 1);
  const TensorView& data = call.inputs[0];
  const TensorView& indices = call.inputs[1];
  const int64_t bytes = movable_bytes(call);
  const int64_t batch = call.integers[0];
  const int64_t depth = indices.rank == 0 ? -1 : indices.dims[indices.rank - 1];
  bool fits = depth >= 0 && batch >= 0 && batch < indices.rank && batch + depth <= data.rank;
  for (int32_t i = 0; fits && i < batch; ++i) fits = indices.dims[i] == data.dims[i];
  if (!fits || indices.rank - 1 + data.rank - batch - depth > DMT_MAX_RANK) {
    reject(call, "indices %s with %lld batch dimensions do not fit %s", describe(indices).c_str(),
           static_cast<long long>(batch), describe(data).c_str());
  }
  const int32_t from = static_cast<int32_t>(batch + depth);
  int64_t expected[DMT_MAX_RANK];
  int64_t* end = std::copy_n(indices.dims, indices.rank - 1, expected);
  end = std::copy(data.dims + from, data.dims + data.rank, end);
  require_shape(call, call.outputs[0], {expected, end});
  const std::vector<int64_t> places =
      slice_places(call, data, indices, static_cast<int32_t>(batch));
  pick_runs(call, places, bytes, product(data, from, data.rank) * bytes);
}

// inputs: indices, [off, on]; integers: the axis of the output along which they are laid out.
void one_hot(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 1);
  const TensorView& indices = call.inputs[0];
  const TensorView& values = call.inputs[1];
  const TensorView& out = call.outputs[0];
  require_same_dtype(call, values, out);
  const int32_t axis = checked_axis(call, call.integers[0], out.rank);
  const int64_t two[] = {2};
  require_shape(call, values, two);
  bool fits = out.rank == indices.rank + 1;
  for (int32_t i = 0; fits && i < indices.rank; ++i) {
    fits = indices.dims[i] == out.dims[i < axis ? i : i + 1];
  }
  if (!fits) {
    reject(call, "indices %s for %s", describe(indices).c_str(), describe(out).c_str());
  }
  const AxisView around = around_axis(out, axis);
  std::vector<int64_t> hot(indices.elements());
  dispatch_numeric(call, indices.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for (size_t i = 0; i < hot.size(); ++i) {
      // As double: exact for every index that can be within the depth.
      double index = static_cast<double>(static_cast<Compute<T>>(indices.as<T>()[i]));
      if (index < 0) index += static_cast<double>(around.size);
      const bool within = index >= 0 && index < static_cast<double>(around.size);
      hot[i] = within ? static_cast<int64_t>(index) : -1;
    }
  });
  dispatch_size(call, out.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    std::fill_n(out.as<T>(), out.elements(), values.as<T>()[0]);
    for (size_t i = 0; i < hot.size(); ++i) {
      if (hot[i] < 0) continue;
      const int64_t outer = i / around.inner, inner = i % around.inner;
      out.as<T>()[(outer * around.size + hot[i]) * around.inner + inner] = values.as<T>()[1];
    }
  });
}

// Largest first; NaN counts as larger than everything, so that the order is total.
template <class C>
bool greater(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    if (std::isnan(b)) return false;
    if (std::isnan(a)) return true;
  }
  return a > b;
}

// outputs: values, indices (optional); k is their size along the axis. integers: axis; 1: largest.
void top_k(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 2);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  require_same_dtype(call, in, out);
  const int32_t axis = checked_axis(call, call.integers[0], in.rank);
  const bool largest = call.integers[1] != 0;
  bool fits = out.rank == in.rank;
  for (int32_t i = 0; fits && i < in.rank; ++i) {
    fits = i == axis ? out.dims[i] <= in.dims[i] : out.dims[i] == in.dims[i];
  }
  if (!fits) {
    reject(call, "%s of %s along axis %d", describe(out).c_str(), describe(in).c_str(), axis);
  }
  int64_t* indices = nullptr;
  if (call.outputs.size() > 1 && call.outputs[1].present()) {
    require_dtype(call, call.outputs[1], DMT_S64);
    require_same_shape(call, out, call.outputs[1]);
    indices = call.outputs[1].as<int64_t>();
  }
  const AxisView around = around_axis(in, axis);
  const int64_t k = out.dims[axis];
  const int64_t lanes = around.outer * around.inner;
  if (out.elements() == 0) return;
  dispatch_numeric(call, in.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using C = Compute<T>;
    const int64_t grain = std::max<int64_t>(1, kElementGrain / 8 / around.size);
    call.executor.parallel_for(lanes, grain, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> order(around.size);
      for (int64_t lane = begin; lane < end; ++lane) {
        const int64_t outer = lane / around.inner, inner = lane % around.inner;
        const T* from = in.as<T>() + outer * around.size * around.inner + inner;
        const auto before = [&](int64_t a, int64_t b) {
          const C x = static_cast<C>(from[a * around.inner]);
          const C y = static_cast<C>(from[b * around.inner]);
          if (greater(x, y)) return largest;
          if (greater(y, x)) return !largest;
          return a < b;
        };
        std::iota(order.begin(), order.end(), 0);
        std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
        const int64_t start = outer * k * around.inner + inner;
        for (int64_t i = 0; i < k; ++i) {
          out.as<T>()[start + i * around.inner] = from[order[i] * around.inner];
          if (indices != nullptr) indices[start + i * around.inner] = order[i];
        }
      }
    });
  });
}

// The output [rank][count] must have room for exactly the elements that are not zero.
void non_zero(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  require_dtype(call, out, DMT_S64);
  std::vector<int64_t> found;
  dispatch_numeric_or_bool(call, in.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const int64_t count = in.elements();
    for (int64_t i = 0; i < count; ++i) {
      if (static_cast<Compute<T>>(in.as<T>()[i]) != Compute<T>(0)) found.push_back(i);
    }
  });
  const int64_t count = found.size();
  const int64_t expected[] = {in.rank, count};
  require_shape(call, out, expected);
  for (int32_t axis = in.rank - 1; axis >= 0; --axis) {
    int64_t* row = out.as<int64_t>() + axis * count;
    for (int64_t i = 0; i < count; ++i) {
      row[i] = found[i] % in.dims[axis];
      found[i] /= in.dims[axis];
    }
  }
}

// inputs: data, condition; integers: the axis, or none to take elements of the flattened data.
void compress(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& in = call.inputs[0];
  const TensorView& condition = call.inputs[1];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call);
  require_dtype(call, condition, DMT_BOOL);
  const bool flat = call.integers.empty();
  const int32_t axis = flat ? 0 : checked_axis(call, call.integers[0], in.rank);
  const AxisView around = flat ? AxisView{1, in.elements(), 1} : around_axis(in, axis);
  const int64_t length = condition.elements();
  if (condition.rank != 1 || length > around.size) {
    reject(call, "condition %s for %lld elements", describe(condition).c_str(),
           static_cast<long long>(around.size));
  }
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < length; ++i) {
    if (condition.as<uint8_t>()[i] != 0) kept.push_back(i);
  }
  int64_t expected[DMT_MAX_RANK] = {};
  const int32_t rank = flat ? 1 : in.rank;
  if (!flat) std::copy_n(in.dims, in.rank, expected);
  expected[axis] = kept.size();
  require_shape(call, out, {expected, static_cast<size_t>(rank)});
  if (out.elements() == 0) return;
  std::vector<int64_t> places;
  for (int64_t outer = 0; outer < around.outer; ++outer) {
    for (const int64_t index : kept) places.push_back(outer * around.size + index);
  }
  pick_runs(call, places, around.inner * bytes, around.inner * bytes);
}

constexpr OperatorEntry kOperators[] = {
    {"Compress", compress},
    {"Gather", gather},
    {"GatherElements", gather_elements},
    {"GatherND", gather_nd},
    {"NonZero", non_zero},
    {"OneHot", one_hot},
    {"ScatterElements", scatter_elements},
    {"ScatterND", scatter_nd},
    {"TopK", top_k},
};

}  // namespace

std::span<const OperatorEntry> indexing_operators() { return kOperators; }

}  // namespace demitasse
