#include "ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/isa.h"
#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"

namespace demitasse {
namespace {

AxisView checked_view(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 3);
  const TensorView& x = call.inputs[0];
  require_same_dtype(call, x, call.outputs[0]);
  require_same_shape(call, x, call.outputs[0]);
  AxisView view{call.integers[0], call.integers[1], call.integers[2]};
  int64_t elements;
  if (view.outer == -1 && view.size > 0 && view.inner > 0 &&
      !__builtin_mul_overflow(view.size, view.inner, &elements)) {
    view.outer = x.elements() / elements;
  }
  if (view.outer < 0 || view.size < 0 || view.inner < 0 ||
      __builtin_mul_overflow(view.outer, view.size, &elements) ||
      __builtin_mul_overflow(elements, view.inner, &elements) || elements != x.elements()) {
    reject(call, "%s is not [%lld][%lld][%lld]", describe(x).c_str(),
           static_cast<long long>(view.outer), static_cast<long long>(view.size),
           static_cast<long long>(view.inner));
  }
  return view;
}

// Calls body(first element) for every run along the axis.
template <class Body>
void for_each_run(const AxisView& view, const Executor& executor, Body&& body) {
  if (view.size == 0) return;
  const int64_t grain = std::max<int64_t>(1, kElementGrain / 8 / view.size);
  executor.parallel_for(view.outer * view.inner, grain, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      body(run / view.inner * view.size * view.inner + run % view.inner);
    }
  });
}

// Numerically safe: the largest element is subtracted first.
template <class T, bool logarithm>
void softmax_runs(const AxisView& view, const T* x, T* y, const Executor& executor) {
  for_each_run(view, executor, [&](int64_t first) {
    T largest = -std::numeric_limits<T>::infinity();
    for (int64_t i = 0; i < view.size; ++i) {
      largest = std::max(largest, x[first + i * view.inner]);
    }
    T sum = 0;
    for (int64_t i = 0; i < view.size; ++i) {
      const int64_t at = first + i * view.inner;
      const T e = std::exp(x[at] - largest);
      sum += e;
      y[at] = logarithm ? x[at] - largest : e;
    }
    const T last = logarithm ? std::log(sum) : 1 / sum;
    for (int64_t i = 0; i < view.size; ++i) {
      T& value = y[first + i * view.inner];
      value = logarithm ? value - last : value * last;
    }
  });
}

template <bool logarithm>
void softmax_of(const OperatorCall& call) {
  const AxisView view = checked_view(call);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  if (x.elements() == 0) return;
  if (x.dtype == DMT_F64) {
    softmax_runs<double, logarithm>(view, x.as<double>(), y.as<double>(), call.executor);
    return;
  }
  const FloatValues from(call, x);
  const FloatResult to(call, y);
  if (view.inner == 1 && !logarithm) {
    softmax_rows(active_isa(), from.data(), to.data(), view.size, view.outer, call.executor);
  } else {
    softmax_runs<float, logarithm>(view, from.data(), to.data(), call.executor);
  }
  to.store();
}

}  // namespace

void softmax(const OperatorCall& call) { softmax_of<false>(call); }

void log_softmax(const OperatorCall& call) { softmax_of<true>(call); }

void hardmax(const OperatorCall& call) {
  const AxisView view = checked_view(call);
  dispatch_floating(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* x = call.inputs[0].as<T>();
    T* y = call.outputs[0].as<T>();
    for_each_run(view, call.executor, [&](int64_t first) {
      int64_t best = 0;
      for (int64_t i = 1; i < view.size; ++i) {
        const auto value = static_cast<Compute<T>>(x[first + i * view.inner]);
        if (value > static_cast<Compute<T>>(x[first + best * view.inner])) best = i;
      }
      for (int64_t i = 0; i < view.size; ++i) {
        y[first + i * view.inner] = T(static_cast<Compute<T>>(i == best ? 1 : 0));
      }
    });
  });
}

}  // namespace demitasse
