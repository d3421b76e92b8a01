// Operators that move elements to other places, whatever their type.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/index.h"
#include "ops/pad.h"
#include "ops/registry.h"
#include "ops/resize.h"
#include "ops/strided_copy.h"
#include "ops/wide_elements.h"

namespace demitasse {
namespace {

std::span<const int64_t> dims_of(const TensorView& tensor) {
  return {tensor.dims, static_cast<size_t>(tensor.rank)};
}

// Fails for element types of less than a byte.
int64_t movable_bytes(const OperatorCall& call, const TensorView& in, const TensorView& out) {
  require_same_dtype(call, in, out);
  const int64_t bytes = element_bytes(in.dtype);
  if (bytes == 0) fail_dtype(call, in.dtype);
  return bytes;
}

void transpose(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call, in, out);
  require_attributes(call, in.rank);
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps(dims_of(in), steps);
  StridedView view;
  bool seen[DMT_MAX_RANK] = {};
  for (int32_t i = 0; i < in.rank; ++i) {
    const int32_t axis = checked_axis(call, call.integers[i], in.rank);
    if (seen[axis]) reject(call, "axis %d is named twice", axis);
    seen[axis] = true;
    view.add(in.dims[axis], steps[axis]);
  }
  require_shape(call, out, {view.dims, static_cast<size_t>(view.rank)});
  strided_copy(view, bytes, in.data, out.data, call.executor);
}

// `run` bytes, from kPiece to twice as many, in two pieces that may overlap: what a call of memcpy
// takes is more than that for a pixel's channels.
template <int kPiece>
void copy_two_pieces(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t run,
                     int64_t count) {
  for (int64_t i = 0; i < count; ++i, from += from_step, to += to_step) {
    char begin[kPiece], end[kPiece];
    std::memcpy(begin, from, kPiece);
    std::memcpy(end, from + run - kPiece, kPiece);
    std::memcpy(to, begin, kPiece);
    std::memcpy(to + run - kPiece, end, kPiece);
  }
}

void copy_some_runs(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t run,
                    int64_t count) {
  const auto pieces = [&](auto copy) { copy(from, from_step, to, to_step, run, count); };
  if (run >= 4 && run <= 8) return pieces(copy_two_pieces<4>);
  if (run > 8 && run <= 16) return pieces(copy_two_pieces<8>);
  if (run > 16 && run <= 32) return pieces(copy_two_pieces<16>);
  if (run > 32 && run <= 64) return pieces(copy_two_pieces<32>);
  for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_step, from + i * from_step, run);
}

// Copies `count` runs of `run` bytes with these distances between their starts.
void copy_runs(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t run,
               int64_t count, const Executor& executor) {
  if (run == 0) return;
  const int64_t grain = std::max<int64_t>(1, 65536 / run);
  executor.parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    copy_some_runs(from + begin * from_step, from_step, to + begin * to_step, to_step, run,
                   end - begin);
  });
}

// Tensors that are laid side by side along an axis of `whole`.
void check_parts(const OperatorCall& call, const TensorView& whole,
                 std::span<const TensorView> parts, int32_t axis) {
  int64_t total = 0;
  for (const TensorView& part : parts) {
    require_same_dtype(call, whole, part);
    bool fits = part.rank == whole.rank;
    for (int32_t i = 0; fits && i < whole.rank; ++i) {
      fits = i == axis || part.dims[i] == whole.dims[i];
    }
    if (!fits) {
      reject(call, "%s is not a part of %s along axis %d", describe(part).c_str(),
             describe(whole).c_str(), axis);
    }
    if (__builtin_add_overflow(total, part.dims[axis], &total)) {
      reject(call, "the parts of %s are too large", describe(whole).c_str());
    }
  }
  if (total != whole.dims[axis]) {
    reject(call, "the parts have %lld elements along axis %d of %s", static_cast<long long>(total),
           axis, describe(whole).c_str());
  }
}

void concat(const OperatorCall& call) {
  require_attributes(call, 1);
  require_tensors(call, std::max<size_t>(1, call.inputs.size()));
  const TensorView& out = call.outputs[0];
  const int32_t axis = checked_axis(call, call.integers[0], out.rank);
  const int64_t bytes = movable_bytes(call, call.inputs[0], out);
  check_parts(call, out, call.inputs, axis);
  const AxisView whole = around_axis(out, axis);
  const int64_t step = whole.size * whole.inner * bytes;
  char* to = out.as<char>();
  for (const TensorView& part : call.inputs) {
    const int64_t run = part.dims[axis] * whole.inner * bytes;
    copy_runs(part.as<char>(), run, to, step, run, whole.outer, call.executor);
    to += run;
  }
}

// The sizes are given too, because an unwanted output has none.
void split(const OperatorCall& call) {
  require_tensors(call, 1, 0);
  require_attributes(call, 1 + call.outputs.size());
  const TensorView& in = call.inputs[0];
  const int32_t axis = checked_axis(call, call.integers[0], in.rank);
  if (element_bytes(in.dtype) == 0) fail_dtype(call, in.dtype);
  std::vector<TensorView> parts(call.outputs.begin(), call.outputs.end());
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t size = call.integers[i + 1];
    if (size < 0) reject(call, "part %zu has the size %lld", i, static_cast<long long>(size));
    if (!parts[i].present()) {
      parts[i] = in;
      parts[i].dims[axis] = size;
      parts[i].data = nullptr;
    } else if (parts[i].rank != in.rank || parts[i].dims[axis] != size) {
      reject(call, "part %zu is %s, its size %lld", i, describe(parts[i]).c_str(),
             static_cast<long long>(size));
    }
  }
  check_parts(call, in, parts, axis);
  const AxisView whole = around_axis(in, axis);
  const int64_t bytes = element_bytes(in.dtype);
  const char* from = in.as<char>();
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t run = parts[i].dims[axis] * whole.inner * bytes;
    if (call.outputs[i].present()) {
      copy_runs(from, whole.size * whole.inner * bytes, parts[i].as<char>(), run, run, whole.outer,
                call.executor);
    }
    from += run;
  }
}

// integers: the first index of each axis, then the step of each.
void slice(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call, in, out);
  require_attributes(call, 2 * in.rank);
  if (out.rank != in.rank) {
    reject(call, "%s cannot be a slice of %s", describe(out).c_str(), describe(in).c_str());
  }
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps(dims_of(in), steps);
  StridedView view;
  int64_t origin = 0;
  if (out.elements() == 0) return;
  for (int32_t axis = 0; axis < in.rank; ++axis) {
    const int64_t first = call.integers[axis];
    const int64_t step = call.integers[in.rank + axis];
    int64_t distance, last;
    if (__builtin_mul_overflow(out.dims[axis] - 1, step, &distance) ||
        __builtin_add_overflow(first, distance, &last) || first < 0 || first >= in.dims[axis] ||
        last < 0 || last >= in.dims[axis]) {
      reject(call, "axis %d: %lld elements from %lld in steps of %lld are not within %lld", axis,
             static_cast<long long>(out.dims[axis]), static_cast<long long>(first),
             static_cast<long long>(step), static_cast<long long>(in.dims[axis]));
    }
    origin += first * steps[axis];
    view.add(out.dims[axis], out.dims[axis] == 1 ? 0 : step * steps[axis]);
  }
  strided_copy(view, bytes, in.as<char>() + origin * bytes, out.data, call.executor);
}

void expand(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call, in, out);
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps(dims_of(in), steps);
  StridedView view;
  bool fits = in.rank <= out.rank;
  for (int32_t axis = 0; fits && axis < out.rank; ++axis) {
    const int32_t source = axis - (out.rank - in.rank);
    const int64_t size = source < 0 ? 1 : in.dims[source];
    fits = size == 1 || size == out.dims[axis];
    view.add(out.dims[axis], size == 1 ? 0 : steps[source]);
  }
  if (!fits) {
    reject(call, "%s does not expand to %s", describe(in).c_str(), describe(out).c_str());
  }
  strided_copy(view, bytes, in.data, out.data, call.executor);
}

void tile(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call, in, out);
  bool fits = in.rank == out.rank;
  for (int32_t axis = 0; fits && axis < in.rank; ++axis) {
    fits = in.dims[axis] == 0 ? out.dims[axis] == 0 : out.dims[axis] % in.dims[axis] == 0;
  }
  if (!fits) reject(call, "%s does not tile %s", describe(in).c_str(), describe(out).c_str());
  if (out.elements() == 0) return;
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps(dims_of(in), steps);
  StridedView view;
  for (int32_t axis = 0; axis < in.rank; ++axis) {
    view.add(out.dims[axis] / in.dims[axis], 0);
    view.add(in.dims[axis], steps[axis]);
  }
  strided_copy(view, bytes, in.data, out.data, call.executor);
}

int64_t checked_block(const OperatorCall& call, const TensorView& in) {
  const int64_t block = call.integers[0];
  if (in.rank != 4 || block < 1 || block > 32768) {
    reject(call, "needs [N, C, H, W] and a block size, given %s and %lld", describe(in).c_str(),
           static_cast<long long>(block));
  }
  return block;
}

// integers: block size; 1 when depth is [C][block][block] (CRD), 0 for [block][block][C] (DCR).
void depth_to_space(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 2);
  const TensorView& in = call.inputs[0];
  const int64_t bytes = movable_bytes(call, in, call.outputs[0]);
  const int64_t b = checked_block(call, in);
  const int64_t c = in.dims[1] / (b * b), h = in.dims[2], w = in.dims[3];
  if (in.dims[1] % (b * b) != 0) {
    reject(call, "blocks of %lld do not divide the depth of %s", static_cast<long long>(b),
           describe(in).c_str());
  }
  const int64_t expected[] = {in.dims[0], c, h * b, w * b};
  require_shape(call, call.outputs[0], expected);
  const int64_t plane = h * w;
  const bool column_first = call.integers[1] != 0;
  StridedView view;
  view.add(in.dims[0], in.dims[1] * plane);
  view.add(c, column_first ? b * b * plane : plane);
  view.add(h, w);
  view.add(b, column_first ? b * plane : b * c * plane);
  view.add(w, 1);
  view.add(b, column_first ? plane : c * plane);
  strided_copy(view, bytes, in.data, call.outputs[0].data, call.executor);
}

void space_to_depth(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 1);
  const TensorView& in = call.inputs[0];
  const int64_t bytes = movable_bytes(call, in, call.outputs[0]);
  const int64_t b = checked_block(call, in);
  const int64_t c = in.dims[1], h = in.dims[2], w = in.dims[3];
  if (h % b != 0 || w % b != 0) {
    reject(call, "blocks of %lld do not divide %s", static_cast<long long>(b),
           describe(in).c_str());
  }
  const int64_t expected[] = {in.dims[0], c * b * b, h / b, w / b};
  require_shape(call, call.outputs[0], expected);
  StridedView view;
  view.add(in.dims[0], c * h * w);
  view.add(b, w);
  view.add(b, 1);
  view.add(c, h * w);
  view.add(h / b, b * w);
  view.add(w / b, b);
  strided_copy(view, bytes, in.data, call.outputs[0].data, call.executor);
}

// Inputs: x, the diagonal's offset (none: 0). integers: 1 to keep the upper triangle, 0 the lower.
void trilu(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 1);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call, in, out);
  require_same_shape(call, in, out);
  if (in.rank < 2) reject(call, "needs matrices, given %s", describe(in).c_str());
  const bool upper = call.integers[0] != 0;
  const int64_t rows = in.dims[in.rank - 2], columns = in.dims[in.rank - 1];
  if (in.elements() == 0) return;
  const int64_t diagonal_input = has_input(call, 1) ? integer_scalar(call, 1) : 0;
  const int64_t offset = std::clamp(diagonal_input, -rows, columns);
  const int64_t grain = std::max<int64_t>(1, kElementGrain / columns);
  call.executor.parallel_for(in.elements() / columns, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t diagonal = row % rows + offset;
      const int64_t from = upper ? std::clamp<int64_t>(diagonal, 0, columns) : 0;
      const int64_t to = upper ? columns : std::clamp<int64_t>(diagonal + 1, 0, columns);
      const int64_t start = row * columns * bytes;
      std::memset(out.as<char>() + start, 0, columns * bytes);
      std::memcpy(out.as<char>() + start + from * bytes, in.as<char>() + start + from * bytes,
                  (to - from) * bytes);
    }
  });
}

// inputs: data, length of each sequence; integers: batch axis, time axis (0 and 1 in some order).
void reverse_sequence(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 2);
  const TensorView& in = call.inputs[0];
  const TensorView& out = call.outputs[0];
  const int64_t bytes = movable_bytes(call, in, out);
  require_same_shape(call, in, out);
  const int64_t batch_axis = call.integers[0], time_axis = call.integers[1];
  if (in.rank < 2 || std::min(batch_axis, time_axis) != 0 || std::max(batch_axis, time_axis) != 1) {
    reject(call, "batch axis %lld and time axis %lld of %s", static_cast<long long>(batch_axis),
           static_cast<long long>(time_axis), describe(in).c_str());
  }
  const int64_t batch = in.dims[batch_axis], time = in.dims[time_axis];
  const int64_t expected[] = {batch};
  require_shape(call, call.inputs[1], expected);
  const std::vector<int64_t> lengths = read_integers(call, call.inputs[1]);
  const int64_t run = product(in, 2, in.rank) * bytes;
  const int64_t batch_step = batch_axis == 0 ? time * run : run;
  const int64_t time_step = batch_axis == 0 ? run : batch * run;
  for (int64_t b = 0; b < batch; ++b) {
    if (lengths[b] < 0 || lengths[b] > time) {
      reject(call, "sequence %lld has %lld steps, outside 0..%lld", static_cast<long long>(b),
             static_cast<long long>(lengths[b]), static_cast<long long>(time));
    }
    for (int64_t t = 0; t < time && run > 0; ++t) {
      const int64_t from = t < lengths[b] ? lengths[b] - 1 - t : t;
      std::memcpy(out.as<char>() + b * batch_step + t * time_step,
                  in.as<char>() + b * batch_step + from * time_step, run);
    }
  }
}

// The numbers are the attributes: integers, or floats when there are no integers.
void write_numbers(const OperatorCall& call, bool repeat) {
  require_tensors(call, 0);
  const TensorView& out = call.outputs[0];
  const bool integers = !call.integers.empty();
  const int64_t given = integers ? call.integers.size() : call.floats.size();
  const int64_t count = out.elements();
  if (repeat ? given != 1 : given != count) {
    reject(call, "%lld numbers for %s", static_cast<long long>(given), describe(out).c_str());
  }
  dispatch_numeric_or_bool(call, out.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const auto number = [&](int64_t i) {
      if constexpr (is_half<T>) {
        return T(
            static_cast<float>(integers ? static_cast<double>(call.integers[i]) : call.floats[i]));
      } else if constexpr (std::is_same_v<T, Bool>) {
        return T(integers ? call.integers[i] != 0 : call.floats[i] != 0);
      } else if constexpr (is_floating<T>) {
        return integers ? static_cast<T>(call.integers[i]) : static_cast<T>(call.floats[i]);
      } else {
        if (!integers) reject(call, "floats are given for %s", describe(out).c_str());
        return static_cast<T>(call.integers[i]);
      }
    };
    if (repeat) {
      std::fill_n(out.as<T>(), count, number(0));
    } else {
      for (int64_t i = 0; i < count; ++i) out.as<T>()[i] = number(i);
    }
  });
}

void constant(const OperatorCall& call) { write_numbers(call, false); }

void fill(const OperatorCall& call) { write_numbers(call, true); }

constexpr OperatorEntry kOperators[] = {
    {"Concat", concat},
    {"Constant", constant},
    {"DepthToSpace", depth_to_space},
    {"Expand", expand},
    {"Fill", fill},
    {"Pad", pad},
    {"ReverseSequence", reverse_sequence},
    {"Slice", slice},
    {"SpaceToDepth", space_to_depth},
    {"Resize", resize},
    {"Split", split},
    {"Tile", tile},
    {"Transpose", transpose},
    {"Trilu", trilu},
};

}  // namespace

std::span<const OperatorEntry> movement_operators() { return kOperators; }

}  // namespace demitasse
