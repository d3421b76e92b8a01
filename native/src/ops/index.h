// Integers that come as a tensor: indices, lengths.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/registry.h"

namespace demitasse {

// The elements of a s32 or s64 tensor; other types fail.
std::vector<int64_t> read_integers(const OperatorCall& call, const TensorView& tensor);

// `index` counted from the front; fails, naming index and bound, outside -bound .. bound-1.
int64_t checked_index(const OperatorCall& call, int64_t index, int64_t bound);

// GatherElements and ScatterElements: for each element of `indices`, which has the data's rank and
// is nowhere larger but along the axis, the element of `data` with its position, the index put in
// place of the axis. All indices are checked.
std::vector<int64_t> element_places(const OperatorCall& call, const TensorView& data,
                                    const TensorView& indices, int32_t axis);

// GatherND and ScatterND: for each row of `indices` [..., depth], the first element of the slice of
// `data` that it names, after `batch` dimensions which both share. All indices are checked; the
// caller has checked that depth and batch fit the ranks. Empty when there is nothing to move.
std::vector<int64_t> slice_places(const OperatorCall& call, const TensorView& data,
                                  const TensorView& indices, int32_t batch);

}  // namespace demitasse
