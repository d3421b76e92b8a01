#include "ops/index.h"

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/strided_copy.h"

namespace demitasse {

std::vector<int64_t> read_integers(const OperatorCall& call, const TensorView& tensor) {
  const int64_t count = tensor.elements();
  switch (tensor.dtype) {
    case DMT_S64:
      return {tensor.as<int64_t>(), tensor.as<int64_t>() + count};
    case DMT_S32:
      return {tensor.as<int32_t>(), tensor.as<int32_t>() + count};
    default:
      fail_dtype(call, tensor.dtype);
  }
}

int64_t checked_index(const OperatorCall& call, int64_t index, int64_t bound) {
  if (index < -bound || index >= bound) {
    reject(call, "index %lld is outside -%lld..%lld", static_cast<long long>(index),
           static_cast<long long>(bound), static_cast<long long>(bound - 1));
  }
  return index < 0 ? index + bound : index;
}

std::vector<int64_t> element_places(const OperatorCall& call, const TensorView& data,
                                    const TensorView& indices, int32_t axis) {
  bool fits = indices.rank == data.rank;
  for (int32_t i = 0; fits && i < data.rank; ++i) {
    fits = i == axis || indices.dims[i] <= data.dims[i];
  }
  if (!fits) {
    reject(call, "indices %s do not fit %s along axis %d", describe(indices).c_str(),
           describe(data).c_str(), axis);
  }
  std::vector<int64_t> places = read_integers(call, indices);
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps({data.dims, static_cast<size_t>(data.rank)}, steps);
  int64_t position[DMT_MAX_RANK] = {};
  int64_t offset = 0;  // of the position, the axis left out
  for (int64_t& place : places) {
    place = offset + checked_index(call, place, data.dims[axis]) * steps[axis];
    for (int32_t i = data.rank - 1; i >= 0; --i) {
      const int64_t step = i == axis ? 0 : steps[i];
      offset += step;
      if (++position[i] < indices.dims[i]) break;
      offset -= indices.dims[i] * step;
      position[i] = 0;
    }
  }
  return places;
}

std::vector<int64_t> slice_places(const OperatorCall& call, const TensorView& data,
                                  const TensorView& indices, int32_t batch) {
  const std::vector<int64_t> values = read_integers(call, indices);
  const int32_t depth = static_cast<int32_t>(indices.dims[indices.rank - 1]);
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps({data.dims, static_cast<size_t>(data.rank)}, steps);
  const int64_t rows = product(indices, 0, indices.rank - 1);
  const int64_t batches = product(data, 0, batch);
  const int64_t batch_size = product(data, batch, data.rank);
  // Without indices the number of rows costs no memory, so it may be anything.
  if (values.empty() && product(data, batch + depth, data.rank) == 0) return {};
  std::vector<int64_t> places(rows);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t place = row / (rows / batches) * batch_size;
    for (int32_t i = 0; i < depth; ++i) {
      const int32_t axis = batch + i;
      place += checked_index(call, values[row * depth + i], data.dims[axis]) * steps[axis];
    }
    places[row] = place;
  }
  return places;
}

}  // namespace demitasse
