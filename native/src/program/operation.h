// What a program consists of, and what an operation sees when it runs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/isa.h"
#include "program/value.h"
#include "threads/executor.h"

namespace demitasse {

// The memory of all values for the rows at hand. Where ids may be -1, the result is nullptr or an
// absent tensor.
class Frame {
 public:
  // addresses: one per value, that of its root. offsets: extent.sequences + 1 row numbers from 0.
  // first: the rows of the run that come before these.
  Frame(std::span<const Value> values, std::span<void* const> addresses, const Extent& first,
        const Extent& extent, const int64_t* offsets, Isa isa, const Executor& executor)
      : values_(values),
        addresses_(addresses),
        first_(first),
        extent_(extent),
        offsets_(offsets),
        isa_(isa),
        executor_(executor) {}

  Isa isa() const { return isa_; }
  const Executor& executor() const { return executor_; }
  const Extent& first() const { return first_; }
  const Extent& extent() const { return extent_; }
  const int64_t* offsets() const { return offsets_; }

  float* f32(int32_t id) const { return static_cast<float*>(address(id)); }
  TensorView tensor(int32_t id) const;
  int64_t matrix_rows(int32_t id) const { return values_[id].matrix_rows(extent_); }
  int64_t first_row(int32_t id) const {
    return values_[id].rows == DMT_ROWS_STATIC ? 0 : values_[id].matrix_rows(first_);
  }

  // The parts of a quantized value. One with static parameters gets them written here.
  QuantizedRows quantized(int32_t id) const;

 private:
  void* address(int32_t id) const { return id < 0 ? nullptr : addresses_[values_[id].root]; }

  std::span<const Value> values_;
  std::span<void* const> addresses_;
  Extent first_, extent_;
  const int64_t* offsets_;
  Isa isa_;
  const Executor& executor_;
};

// Immutable; run() is called from several threads at once, each with its own frame.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual void run(const Frame& frame) const = 0;
};

// How sequences lie in the rows of an operation: as the run says, or, for static rows, every
// `length` rows.
class Sequences {
 public:
  Sequences() = default;
  Sequences(int64_t rows, int64_t length);

  const int64_t* offsets(const Frame& frame) const {
    return fixed_.empty() ? frame.offsets() : fixed_.data();
  }
  int64_t count(const Frame& frame) const {
    return fixed_.empty() ? frame.extent().sequences : static_cast<int64_t>(fixed_.size()) - 1;
  }

 private:
  std::vector<int64_t> fixed_;
};

}  // namespace demitasse
