// Copies between layouts: what Transpose, Slice, Expand and Tile come down to.
#pragma once

#include <cstdint>
#include <span>

#include "threads/executor.h"

namespace demitasse {

// Which element of a source each element of a contiguous result is: dims of the result, and for
// each the step in the source, in elements; steps may be negative, or 0 to repeat.
struct StridedView {
  static constexpr int32_t kMaxRank = 16;
  int32_t rank = 0;
  int64_t dims[kMaxRank] = {};
  int64_t steps[kMaxRank] = {};

  void add(int64_t dim, int64_t step) {
    dims[rank] = dim;
    steps[rank++] = step;
  }
};

// Steps of a contiguous tensor's dimensions, in elements.
void contiguous_steps(std::span<const int64_t> dims, int64_t* steps);

// result[i0][i1]... = source[i0 * steps[0] + i1 * steps[1] + ...]; `source` points at the element
// of index 0. element_bytes: 1, 2, 4 or 8. The caller has checked that all elements exist.
void strided_copy(const StridedView& view, int64_t element_bytes, const void* source, void* result,
                  const Executor& executor);

}  // namespace demitasse
