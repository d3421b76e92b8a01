// Reductions over any set of axes.
//
// Floating types are accumulated in double, integers in 64 bits; what is neither float32 nor as
// wide is widened first, so that each reduction is compiled for few types. The order of additions
// depends on the shapes only, so results do not depend on the number of threads.
#include <array>
#include <cmath>
#include <limits>

#include "core/aligned_buffer.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "ops/wide_elements.h"

namespace demitasse {
namespace {

// Accumulators: add() takes one element, merge() another accumulator of the same kind, result()
// the number of elements. A is double, int64_t or uint64_t.
template <class A>
A wrapping_add(A a, A b) {
  if constexpr (std::is_floating_point_v<A>) {
    return a + b;
  } else {
    return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
}

template <class A>
A wrapping_multiply(A a, A b) {
  if constexpr (std::is_floating_point_v<A>) {
    return a * b;
  } else {
    return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
}

template <class A>
A magnitude(A x) {
  if constexpr (std::is_floating_point_v<A>) {
    return std::fabs(x);
  } else {
    return x < A(0) ? static_cast<A>(uint64_t{0} - static_cast<uint64_t>(x)) : x;
  }
}

template <class A>
struct Sum {
  A total = 0;
  void add(A x) { total = wrapping_add(total, x); }
  void merge(const Sum& other) { total = wrapping_add(total, other.total); }
  A result(int64_t) const { return total; }
};

template <class A>
struct Mean : Sum<A> {
  A result(int64_t count) const {
    if constexpr (std::is_floating_point_v<A>) {
      return this->total / static_cast<A>(count);
    } else {
      return count == 0 ? A(0) : this->total / static_cast<A>(count);
    }
  }
};

template <class A>
struct SumOfMagnitudes : Sum<A> {
  void add(A x) { Sum<A>::add(magnitude(x)); }
};

template <class A>
struct SumOfSquares : Sum<A> {
  void add(A x) { Sum<A>::add(wrapping_multiply(x, x)); }
};

template <class A>
struct Product {
  A total = 1;
  void add(A x) { total = wrapping_multiply(total, x); }
  void merge(const Product& other) { total = wrapping_multiply(total, other.total); }
  A result(int64_t) const { return total; }
};

// NaN wins.
template <class A>
struct Maximum {
  using Limits = std::numeric_limits<A>;
  A best = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  void add(A x) { best = x > best || x != x ? x : best; }
  void merge(const Maximum& other) { add(other.best); }
  A result(int64_t) const { return best; }
};

template <class A>
struct Minimum {
  using Limits = std::numeric_limits<A>;
  A best = Limits::has_infinity ? Limits::infinity() : Limits::max();
  void add(A x) { best = x < best || x != x ? x : best; }
  void merge(const Minimum& other) { add(other.best); }
  A result(int64_t) const { return best; }
};

// These are computed in double for every element type.
struct Norm : SumOfSquares<double> {
  double result(int64_t) const { return std::sqrt(total); }
};

struct LogOfSum : Sum<double> {
  double result(int64_t) const { return std::log(total); }
};

// log(sum(exp(x))) in one pass: the sum is kept relative to the largest x so far.
struct LogOfSumOfExponentials {
  double largest = -std::numeric_limits<double>::infinity();
  double total = 0;

  void add(double x) { merge_scaled(x, 1); }
  void merge(const LogOfSumOfExponentials& other) {
    if (other.total != 0) merge_scaled(other.largest, other.total);
  }
  double result(int64_t) const { return largest + std::log(total); }

 private:
  void merge_scaled(double x, double weight) {
    if (x <= largest) {
      total += x == largest ? weight : weight * std::exp(x - largest);
    } else {
      total = (total == 0 ? 0 : total * std::exp(largest - x)) + weight;
      largest = x;
    }
  }
};

// The input seen as alternating groups of kept and reduced dimensions, each group merged.
struct ReductionPlan {
  std::array<int64_t, DMT_MAX_RANK> dims{}, steps{};
  std::array<bool, DMT_MAX_RANK> reduced{};
  int32_t rank = 0;
  int64_t kept_count = 1, reduced_count = 1;
};

// integers: the axes to reduce, non-negative.
ReductionPlan plan_reduction(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  if (!writes_independently(x.dtype)) fail_dtype(call, x.dtype);
  std::array<bool, DMT_MAX_RANK> reduced{};
  for (const int64_t axis : call.integers) {
    reduced[static_cast<size_t>(checked_axis(call, axis, x.rank))] = true;
  }
  ReductionPlan plan;
  for (int32_t axis = 0; axis < x.rank; ++axis) {
    (reduced[axis] ? plan.reduced_count : plan.kept_count) *= x.dims[axis];
    if (x.dims[axis] == 1) continue;
    if (plan.rank > 0 && plan.reduced[plan.rank - 1] == reduced[axis]) {
      plan.dims[plan.rank - 1] *= x.dims[axis];
    } else {
      plan.reduced[plan.rank] = reduced[axis];
      plan.dims[plan.rank++] = x.dims[axis];
    }
  }
  int64_t step = 1;
  for (int32_t i = plan.rank - 1; i >= 0; --i) {
    plan.steps[i] = step;
    step *= plan.dims[i];
  }
  require_same_dtype(call, x, call.outputs[0]);
  if (call.outputs[0].elements() != plan.kept_count) {
    fail(DMT_INVALID_ARGUMENT, "%s: %s does not reduce to %s", std::string(call.name).c_str(),
         describe(x).c_str(), describe(call.outputs[0]).c_str());
  }
  return plan;
}

// The offset of element `index` of the kept (or reduced) dimensions among the first `rank`.
int64_t offset_of(const ReductionPlan& plan, int32_t rank, bool reduced, int64_t index) {
  int64_t offset = 0;
  for (int32_t i = rank - 1; i >= 0; --i) {
    if (plan.reduced[i] != reduced) continue;
    offset += index % plan.dims[i] * plan.steps[i];
    index /= plan.dims[i];
  }
  return offset;
}

// Independent partial results: hides the latency of additions and lets loops be vectorised.
constexpr int kLanes = 8;
// Output columns accumulated side by side.
constexpr int64_t kColumns = 64;

// The last dimension is reduced: each output is made from runs of neighbouring elements.
template <class State, class A, class T>
void reduce_runs(const OperatorCall& call, const ReductionPlan& plan, const T* x, A* y) {
  const int32_t outer = plan.rank - 1;
  const int64_t run = plan.dims[outer];
  const int64_t runs = run == 0 ? 0 : plan.reduced_count / run;
  const int64_t grain =
      std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, plan.reduced_count));
  call.executor.parallel_for(plan.kept_count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t output = begin; output < end; ++output) {
      State states[kLanes];
      const T* base = x + offset_of(plan, outer, false, output);
      for (int64_t r = 0; r < runs; ++r) {
        const T* from = base + offset_of(plan, outer, true, r);
        int64_t i = 0;
        for (; i + kLanes <= run; i += kLanes) {
          for (int lane = 0; lane < kLanes; ++lane) {
            states[lane].add(static_cast<A>(from[i + lane]));
          }
        }
        for (; i < run; ++i) states[0].add(static_cast<A>(from[i]));
      }
      for (int lane = 1; lane < kLanes; ++lane) states[0].merge(states[lane]);
      y[output] = states[0].result(plan.reduced_count);
    }
  });
}

// The last dimension is kept: neighbouring outputs are made from neighbouring elements.
template <class State, class A, class T>
void reduce_columns(const OperatorCall& call, const ReductionPlan& plan, const T* x, A* y) {
  const int32_t outer = plan.rank - 1;
  const int64_t columns = plan.dims[outer];
  const int64_t blocks = (columns + kColumns - 1) / kColumns;
  const int64_t rows = columns == 0 ? 0 : plan.kept_count / columns;
  const int64_t grain =
      std::max<int64_t>(1, kElementGrain / kColumns / std::max<int64_t>(1, plan.reduced_count));
  call.executor.parallel_for(rows * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / blocks, first = item % blocks * kColumns;
      const int64_t count = std::min(kColumns, columns - first);
      State states[kColumns];
      const T* base = x + offset_of(plan, outer, false, row) + first;
      for (int64_t r = 0; r < plan.reduced_count; ++r) {
        const T* from = base + offset_of(plan, outer, true, r);
        for (int64_t i = 0; i < count; ++i) states[i].add(static_cast<A>(from[i]));
      }
      A* to = y + row * columns + first;
      for (int64_t i = 0; i < count; ++i) to[i] = states[i].result(plan.reduced_count);
    }
  });
}

// y: one accumulated value for each output.
template <class State, class A, class T>
void reduce(const OperatorCall& call, const ReductionPlan& plan, const T* x, A* y) {
  if (plan.rank == 0) {  // one element
    State state;
    state.add(static_cast<A>(x[0]));
    y[0] = state.result(1);
  } else if (plan.reduced[plan.rank - 1]) {
    reduce_runs<State, A, T>(call, plan, x, y);
  } else {
    reduce_columns<State, A, T>(call, plan, x, y);
  }
}

template <class Body>
void for_each_piece(const OperatorCall& call, int64_t count, Body&& body) {
  call.executor.parallel_for(count, kElementGrain / 4, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += kPiece) {
      body(first, std::min(kPiece, end - first));
    }
  });
}

// Reduces with accumulators of type A, which is what `dtype` is widened to when it is not f32 or A
// itself.
template <class State, class A>
void reduce_as(const OperatorCall& call, const ReductionPlan& plan, bool is_a) {
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  AlignedBuffer<A> results(plan.kept_count);
  if (is_a) {
    reduce<State, A, A>(call, plan, x.as<A>(), results.data());
  } else if (x.dtype == DMT_F32) {
    if constexpr (std::is_floating_point_v<A>) {
      reduce<State, A, float>(call, plan, x.as<float>(), results.data());
    }
  } else {
    AlignedBuffer<A> wide(x.elements());
    for_each_piece(call, x.elements(), [&](int64_t first, int64_t count) {
      if constexpr (std::is_floating_point_v<A>) {
        load_reals(call, x.dtype, x.data, first, count, wide.data() + first);
      } else {
        load_integers(call, x.dtype, x.data, first, count,
                      reinterpret_cast<int64_t*>(wide.data() + first));
      }
    });
    reduce<State, A, A>(call, plan, wide.data(), results.data());
  }
  for_each_piece(call, plan.kept_count, [&](int64_t first, int64_t count) {
    if constexpr (std::is_floating_point_v<A>) {
      store_reals(call, y.dtype, y.data, first, count, results.data() + first);
    } else {
      store_integers(call, y.dtype, y.data, first, count,
                     reinterpret_cast<const int64_t*>(results.data() + first));
    }
  });
}

// Computed in double for every element type.
template <class State>
void real_reduction(const OperatorCall& call) {
  const ReductionPlan plan = plan_reduction(call);
  if (call.inputs[0].dtype == DMT_BOOL) fail_dtype(call, DMT_BOOL);
  reduce_as<State, double>(call, plan, call.inputs[0].dtype == DMT_F64);
}

template <template <class> class State>
void reduce_numeric(const OperatorCall& call, const ReductionPlan& plan) {
  const int32_t dtype = call.inputs[0].dtype;
  if (dtype == DMT_U64) {
    reduce_as<State<uint64_t>, uint64_t>(call, plan, true);
  } else if (reads_as_integer(dtype)) {
    reduce_as<State<int64_t>, int64_t>(call, plan, dtype == DMT_S64);
  } else {
    reduce_as<State<double>, double>(call, plan, dtype == DMT_F64);
  }
}

template <template <class> class State>
void numeric_reduction(const OperatorCall& call) {
  const ReductionPlan plan = plan_reduction(call);
  if (call.inputs[0].dtype == DMT_BOOL) fail_dtype(call, DMT_BOOL);
  reduce_numeric<State>(call, plan);
}

// The extreme of nothing is the other end of the element type.
template <template <class> class State, bool maximum>
void extreme_reduction(const OperatorCall& call) {
  const ReductionPlan plan = plan_reduction(call);
  if (plan.reduced_count > 0) return reduce_numeric<State>(call, plan);
  const TensorView& y = call.outputs[0];
  if (y.dtype == DMT_BOOL) {
    std::fill_n(y.as<Bool>(), y.elements(), Bool(!maximum));
    return;
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < y.elements(); ++i) {
    const double value = maximum ? -kInfinity : kInfinity;
    store_reals(call, y.dtype, y.data, i, 1, &value);
  }
}

constexpr OperatorEntry kOperators[] = {
    {"ReduceSum", numeric_reduction<Sum>},
    {"ReduceMean", numeric_reduction<Mean>},
    {"ReduceL1", numeric_reduction<SumOfMagnitudes>},
    {"ReduceSumSquare", numeric_reduction<SumOfSquares>},
    {"ReduceProd", numeric_reduction<Product>},
    {"ReduceMax", extreme_reduction<Maximum, true>},
    {"ReduceMin", extreme_reduction<Minimum, false>},
    {"ReduceL2", real_reduction<Norm>},
    {"ReduceLogSum", real_reduction<LogOfSum>},
    {"ReduceLogSumExp", real_reduction<LogOfSumOfExponentials>},
};

}  // namespace

std::span<const OperatorEntry> reduction_operators() { return kOperators; }

}  // namespace demitasse
