#include "ops/broadcast.h"

#include <string>

#include "core/error.h"
#include "ops/arguments.h"

namespace demitasse::detail {
namespace {

[[noreturn]] void fail_broadcast(const OperatorCall& call, const TensorView& output,
                                 const TensorView* const* inputs, size_t count) {
  std::string shapes;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) shapes += ", ";
    shapes += describe(*inputs[i]);
  }
  fail(DMT_INVALID_ARGUMENT, "%s: %s cannot be broadcast to %s", std::string(call.name).c_str(),
       shapes.c_str(), describe(output).c_str());
}

// The size of an operand along an axis of the output, its shape aligned at the end.
int64_t aligned(const TensorView& tensor, int32_t rank, int32_t axis) {
  const int32_t own = axis - (rank - tensor.rank);
  return own < 0 ? 1 : tensor.dims[own];
}

}  // namespace

int32_t plan_broadcast(const OperatorCall& call, const TensorView& output,
                       const TensorView* const* inputs, size_t count, int64_t* dims,
                       int64_t (*steps)[DMT_MAX_RANK]) {
  for (size_t i = 0; i < count; ++i) {
    if (inputs[i]->rank > output.rank) fail_broadcast(call, output, inputs, count);
  }
  // From the innermost dimension outwards, into reversed arrays.
  int64_t natural[8];
  if (count > 8) fail(DMT_INTERNAL, "broadcasting more than 8 operands");
  std::fill_n(natural, count, 1);
  int32_t merged = 0;
  for (int32_t axis = output.rank - 1; axis >= 0; --axis) {
    const int64_t size = output.dims[axis];
    for (size_t i = 0; i < count; ++i) {
      const int64_t own = aligned(*inputs[i], output.rank, axis);
      if (own != size && own != 1) fail_broadcast(call, output, inputs, count);
    }
    if (size == 1) continue;
    bool joins = merged > 0;
    for (size_t i = 0; i < count && joins; ++i) {
      const bool stays = aligned(*inputs[i], output.rank, axis) == 1;
      const int64_t step = stays ? 0 : natural[i];
      joins = step == steps[i][merged - 1] * dims[merged - 1];
    }
    if (joins) {
      dims[merged - 1] *= size;
    } else {
      dims[merged] = size;
      for (size_t i = 0; i < count; ++i) {
        const bool stays = aligned(*inputs[i], output.rank, axis) == 1;
        steps[i][merged] = stays ? 0 : natural[i];
      }
      ++merged;
    }
    for (size_t i = 0; i < count; ++i) {
      if (aligned(*inputs[i], output.rank, axis) != 1) natural[i] *= size;
    }
  }
  std::reverse(dims, dims + merged);
  for (size_t i = 0; i < count; ++i) std::reverse(steps[i], steps[i] + merged);
  return merged;
}

}  // namespace demitasse::detail
