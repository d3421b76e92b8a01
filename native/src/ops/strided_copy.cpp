#include "ops/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace demitasse {
namespace {

// Elements that one thread takes at a time, and the edge of a block that is transposed at once: 32
// rows of 32 elements of up to 8 bytes are 2 x 8 KB, well within L1.
constexpr int64_t kGrain = 16384;
constexpr int64_t kBlock = 32;

// The same elements in as few dimensions as possible; none of size 1.
StridedView merged(const StridedView& view) {
  StridedView result;
  for (int32_t axis = 0; axis < view.rank; ++axis) {
    const int64_t dim = view.dims[axis];
    const int64_t step = view.steps[axis];
    if (dim == 1) continue;
    const int32_t last = result.rank - 1;
    if (last >= 0 && result.steps[last] == step * dim) {
      result.dims[last] *= dim;
      result.steps[last] = step;
    } else {
      result.add(dim, step);
    }
  }
  return result;
}

// An index into all dimensions of a view but those left out (given size 1), and its offset.
class Position {
 public:
  Position(const StridedView& view, int64_t linear) : view_(view) {
    for (int32_t axis = view.rank - 1; axis >= 0; --axis) {
      index_[axis] = linear % view.dims[axis];
      linear /= view.dims[axis];
      offset_ += index_[axis] * view.steps[axis];
    }
  }

  int64_t offset() const { return offset_; }
  int64_t index(int32_t axis) const { return index_[axis]; }

  void advance() {
    for (int32_t axis = view_.rank - 1; axis >= 0; --axis) {
      offset_ += view_.steps[axis];
      if (++index_[axis] < view_.dims[axis]) return;
      offset_ -= view_.dims[axis] * view_.steps[axis];
      index_[axis] = 0;
    }
  }

 private:
  const StridedView& view_;
  int64_t index_[StridedView::kMaxRank] = {};
  int64_t offset_ = 0;
};

template <class T>
void copy_row(const T* source, int64_t step, T* result, int64_t count) {
  if (step == 1) {
    std::memcpy(result, source, count * sizeof(T));
  } else if (step == 0) {
    std::fill_n(result, count, *source);
  } else {
    for (int64_t i = 0; i < count; ++i) result[i] = source[i * step];
  }
}

// Row by row along the last dimension.
template <class T>
void copy_rows(const StridedView& view, const T* source, T* result, const Executor& executor) {
  const int64_t row = view.dims[view.rank - 1];
  const int64_t step = view.steps[view.rank - 1];
  StridedView outer = view;
  --outer.rank;
  int64_t rows = 1;
  for (int32_t axis = 0; axis < outer.rank; ++axis) rows *= outer.dims[axis];
  if (rows == 1) {
    executor.parallel_for(row, kGrain, [&](int64_t begin, int64_t end) {
      copy_row(source + begin * step, step, result + begin, end - begin);
    });
    return;
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / row);
  executor.parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    Position position(outer, begin);
    for (int64_t i = begin; i < end; ++i, position.advance()) {
      copy_row(source + position.offset(), step, result + i * row, row);
    }
  });
}

// The source is contiguous along dimension `fast`, the result along the last one: square blocks.
template <class T>
void copy_transposed(const StridedView& view, int32_t fast, const T* source, T* result,
                     const Executor& executor) {
  const int32_t last = view.rank - 1;
  const int64_t rows = view.dims[fast];
  const int64_t columns = view.dims[last];
  const int64_t column_step = view.steps[last];
  StridedView to = view;  // the steps of the result, over the same dimensions
  contiguous_steps({view.dims, static_cast<size_t>(view.rank)}, to.steps);
  const int64_t row_step = to.steps[fast];
  StridedView outer = view;
  outer.dims[fast] = outer.dims[last] = 1;
  to.dims[fast] = to.dims[last] = 1;
  int64_t outers = 1;
  for (int32_t axis = 0; axis < view.rank; ++axis) outers *= outer.dims[axis];
  const int64_t bands = (rows + kBlock - 1) / kBlock;
  const int64_t grain = std::max<int64_t>(1, kGrain / (kBlock * columns));
  executor.parallel_for(outers * bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % bands * kBlock;
      const int64_t count = std::min(kBlock, rows - first);
      const T* from = source + Position(outer, item / bands).offset() + first;
      T* out = result + Position(to, item / bands).offset() + first * row_step;
      for (int64_t c = 0; c < columns; c += kBlock) {
        const int64_t width = std::min(kBlock, columns - c);
        for (int64_t r = 0; r < count; ++r) {
          for (int64_t k = 0; k < width; ++k) {
            out[r * row_step + c + k] = from[(c + k) * column_step + r];
          }
        }
      }
    }
  });
}

template <class T>
void copy(const StridedView& view, const void* source, void* result, const Executor& executor) {
  const T* from = static_cast<const T*>(source);
  T* to = static_cast<T*>(result);
  if (view.rank == 0) {
    *to = *from;
    return;
  }
  const int64_t step = view.steps[view.rank - 1];
  if (step != 0 && step != 1 && view.dims[view.rank - 1] >= 4) {
    for (int32_t axis = view.rank - 2; axis >= 0; --axis) {
      if (view.steps[axis] == 1 && view.dims[axis] >= 4) {
        copy_transposed(view, axis, from, to, executor);
        return;
      }
    }
  }
  copy_rows(view, from, to, executor);
}

}  // namespace

void contiguous_steps(std::span<const int64_t> dims, int64_t* steps) {
  int64_t step = 1;
  for (size_t axis = dims.size(); axis-- > 0;) {
    steps[axis] = step;
    step *= dims[axis];
  }
}

void strided_copy(const StridedView& view, int64_t element_bytes, const void* source, void* result,
                  const Executor& executor) {
  for (int32_t axis = 0; axis < view.rank; ++axis) {
    if (view.dims[axis] == 0) return;
  }
  const StridedView compact = merged(view);
  switch (element_bytes) {
    case 1:
      return copy<uint8_t>(compact, source, result, executor);
    case 2:
      return copy<uint16_t>(compact, source, result, executor);
    case 4:
      return copy<uint32_t>(compact, source, result, executor);
    case 8:
      return copy<uint64_t>(compact, source, result, executor);
    default:
      fail(DMT_UNSUPPORTED, "elements of %lld bytes cannot be copied",
           static_cast<long long>(element_bytes));
  }
}

}  // namespace demitasse
