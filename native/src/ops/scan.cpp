// Operators that walk along one axis: the place of an extreme, running sums and products.
#include <algorithm>
#include <vector>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "ops/wide_elements.h"

namespace demitasse {
namespace {

int64_t grain(int64_t elements_each) {
  return std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, elements_each));
}

// NaN is more extreme than any number.
template <bool maximum, class C>
bool beats(C challenger, C best) {
  if constexpr (std::is_floating_point_v<C>) {
    if (challenger != challenger) return best == best;
  }
  return maximum ? challenger > best : challenger < best;
}

template <class C>
bool ties(C a, C b) {
  return a == b || (a != a && b != b);
}

// integers: axis, select_last_index. The output is int64 and has the axis removed or of size 1.
template <bool maximum>
void arg_extreme(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, y, DMT_S64);
  const AxisView view = around_axis(x, checked_axis(call, call.integers[0], x.rank));
  const bool last = call.integers[1] != 0;
  if (y.elements() != view.outer * view.inner) {
    fail(DMT_INVALID_ARGUMENT, "%s: %s does not reduce to %s", std::string(call.name).c_str(),
         describe(x).c_str(), describe(y).c_str());
  }
  if (view.size == 0 && y.elements() > 0) {
    fail(DMT_INVALID_ARGUMENT, "%s: the axis of %s is empty", std::string(call.name).c_str(),
         describe(x).c_str());
  }
  dispatch_numeric(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using C = Compute<T>;
    call.executor.parallel_for(y.elements(), grain(view.size), [&](int64_t begin, int64_t end) {
      for (int64_t output = begin; output < end; ++output) {
        const T* from =
            x.as<T>() + output / view.inner * view.size * view.inner + output % view.inner;
        C best = static_cast<C>(from[0]);
        int64_t place = 0;
        for (int64_t i = 1; i < view.size; ++i) {
          const C value = static_cast<C>(from[i * view.inner]);
          if (beats<maximum>(value, best) || (last && ties(value, best))) {
            best = value;
            place = i;
          }
        }
        y.as<int64_t>()[output] = place;
      }
    });
  });
}

struct RunningSum {
  template <class A>
  static constexpr A start = A(0);
  template <class A>
  static A step(A total, A x) {
    return static_cast<A>(total + x);
  }
};

struct RunningProduct {
  template <class A>
  static constexpr A start = A(1);
  template <class A>
  static A step(A total, A x) {
    return static_cast<A>(total * x);
  }
};

// Floating types accumulate in double, integers wrap around.
template <class T>
using Accumulator = std::conditional_t<is_floating<T>, double, uint64_t>;

// Inputs: x, the axis. integers: exclusive, reverse.
template <class Running>
void scan(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, y);
  require_same_shape(call, x, y);
  const AxisView view = around_axis(x, checked_axis(call, integer_scalar(call, 1), x.rank));
  const bool exclusive = call.integers[0] != 0, reverse = call.integers[1] != 0;
  if (x.elements() == 0) return;
  dispatch_numeric(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using A = Accumulator<T>;
    call.executor.parallel_for(
        view.outer, grain(view.size * view.inner), [&](int64_t begin, int64_t end) {
          std::vector<A> totals(static_cast<size_t>(view.inner));
          for (int64_t outer = begin; outer < end; ++outer) {
            std::fill(totals.begin(), totals.end(), Running::template start<A>);
            for (int64_t i = 0; i < view.size; ++i) {
              const int64_t place = reverse ? view.size - 1 - i : i;
              const int64_t offset = (outer * view.size + place) * view.inner;
              const T* from = x.as<T>() + offset;
              T* to = y.as<T>() + offset;
              for (int64_t j = 0; j < view.inner; ++j) {
                A& total = totals[static_cast<size_t>(j)];
                const A before = total;
                total = Running::step(total, static_cast<A>(from[j]));
                const A value = exclusive ? before : total;
                if constexpr (is_floating<T>) {
                  to[j] = from_double<T>(value);
                } else {
                  to[j] = static_cast<T>(value);
                }
              }
            }
          }
        });
  });
}

constexpr OperatorEntry kOperators[] = {
    {"ArgMax", arg_extreme<true>},
    {"ArgMin", arg_extreme<false>},
    {"CumSum", scan<RunningSum>},
    {"CumProd", scan<RunningProduct>},
};

}  // namespace

std::span<const OperatorEntry> scan_operators() { return kOperators; }

}  // namespace demitasse
