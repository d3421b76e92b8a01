// Walks several tensors together under ONNX's multidirectional broadcasting.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "ops/registry.h"

namespace demitasse {

// The output's dimensions with neighbours merged wherever every operand allows it, and each
// operand's step in elements along them: 0 where it is broadcast. Along the innermost dimension
// each step is 0 or 1, so equal shapes become one long row.
template <size_t N>
struct Broadcast {
  int32_t rank = 0;
  int64_t elements = 1;
  std::array<int64_t, DMT_MAX_RANK> dims{};
  std::array<std::array<int64_t, DMT_MAX_RANK>, N> steps{};

  int64_t row() const { return rank == 0 ? 1 : dims[rank - 1]; }
  int64_t row_step(size_t operand) const { return rank == 0 ? 0 : steps[operand][rank - 1]; }
};

namespace detail {

// Fills dims and steps of `count` operands; returns the rank. Fails when an operand does not
// broadcast to the output's shape; that all of them are smaller is allowed and repeats the result.
int32_t plan_broadcast(const OperatorCall& call, const TensorView& output,
                       const TensorView* const* inputs, size_t count, int64_t* dims,
                       int64_t (*steps)[DMT_MAX_RANK]);

}  // namespace detail

template <class... Tensors>
Broadcast<sizeof...(Tensors)> make_broadcast(const OperatorCall& call, const TensorView& output,
                                             const Tensors&... inputs) {
  constexpr size_t N = sizeof...(Tensors);
  const TensorView* pointers[] = {&inputs...};
  int64_t steps[N][DMT_MAX_RANK];
  Broadcast<N> plan;
  plan.rank = detail::plan_broadcast(call, output, pointers, N, plan.dims.data(), steps);
  for (size_t i = 0; i < N; ++i) std::copy_n(steps[i], plan.rank, plan.steps[i].begin());
  plan.elements = output.elements();
  return plan;
}

// Calls body(first, offsets, count) for rows that cover the output: `count` elements of the output
// from `first` on; operand i's element j of the row is at offsets[i] + j * plan.row_step(i). Runs
// on several threads, in pieces of at least `grain` elements.
template <size_t N, class Body>
void for_each_row(const Broadcast<N>& plan, const Executor& executor, int64_t grain, Body&& body) {
  const int64_t row = plan.row();
  if (plan.elements == 0) return;
  executor.parallel_for(plan.elements, grain, [&](int64_t begin, int64_t end) {
    std::array<int64_t, DMT_MAX_RANK> index{};
    std::array<int64_t, N> offsets{};
    int64_t rest = begin;
    for (int32_t axis = plan.rank - 1; axis >= 0; --axis) {
      index[axis] = rest % plan.dims[axis];
      rest /= plan.dims[axis];
      for (size_t i = 0; i < N; ++i) offsets[i] += index[axis] * plan.steps[i][axis];
    }
    for (int64_t first = begin; first < end;) {
      const int64_t column = plan.rank == 0 ? 0 : index[plan.rank - 1];
      const int64_t count = std::min(row - column, end - first);
      body(first, offsets, count);
      first += count;
      if (first == end) return;
      // The row is complete: back to its start, then one step along the next outer dimension.
      for (size_t i = 0; i < N; ++i) offsets[i] -= column * plan.row_step(i);
      index[plan.rank - 1] = 0;
      for (int32_t axis = plan.rank - 2; axis >= 0; --axis) {
        for (size_t i = 0; i < N; ++i) offsets[i] += plan.steps[i][axis];
        if (++index[axis] < plan.dims[axis]) break;
        for (size_t i = 0; i < N; ++i) offsets[i] -= plan.dims[axis] * plan.steps[i][axis];
        index[axis] = 0;
      }
    }
  });
}

}  // namespace demitasse
