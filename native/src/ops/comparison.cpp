// Comparisons, logic and selection under broadcasting.
#include "ops/arguments.h"
#include "ops/broadcast.h"
#include "ops/dispatch.h"
#include "ops/registry.h"

namespace demitasse {
namespace {

struct Equal {
  template <class T>
  static bool apply(T a, T b) {
    return a == b;
  }
};

struct Less {
  template <class T>
  static bool apply(T a, T b) {
    return a < b;
  }
};

struct LessOrEqual {
  template <class T>
  static bool apply(T a, T b) {
    return a <= b;
  }
};

struct And {
  static bool apply(bool a, bool b) { return a & b; }
};

struct Or {
  static bool apply(bool a, bool b) { return a | b; }
};

struct Xor {
  static bool apply(bool a, bool b) { return a ^ b; }
};

template <class T, class C, class Function>
void test_rows(const OperatorCall& call, const TensorView& a, const TensorView& b,
               Function function) {
  const TensorView& y = call.outputs[0];
  const auto plan = make_broadcast(call, y, a, b);
  const int64_t a_step = plan.row_step(0), b_step = plan.row_step(1);
  for_each_row(
      plan, call.executor, kElementGrain, [&](int64_t first, const auto& offsets, int64_t count) {
        const T* left = a.as<T>() + offsets[0];
        const T* right = b.as<T>() + offsets[1];
        Bool* to = y.as<Bool>() + first;
        for (int64_t i = 0; i < count; ++i) {
          to[i] =
              Bool(function(static_cast<C>(left[i * a_step]), static_cast<C>(right[i * b_step])));
        }
      });
}

// swapped: Function(b, a), so that Greater is Less the other way round.
template <class Function, bool swapped>
void compare(const OperatorCall& call) {
  require_tensors(call, 2);
  require_same_dtype(call, call.inputs[0], call.inputs[1]);
  require_dtype(call, call.outputs[0], DMT_BOOL);
  const TensorView& a = call.inputs[swapped ? 1 : 0];
  const TensorView& b = call.inputs[swapped ? 0 : 1];
  dispatch_numeric_or_bool(call, a.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using C = std::conditional_t<std::is_same_v<T, Bool>, bool, Compute<T>>;
    test_rows<T, C>(call, a, b, [](C left, C right) { return Function::apply(left, right); });
  });
}

template <class Function>
void logic(const OperatorCall& call) {
  require_tensors(call, 2);
  require_dtype(call, call.inputs[0], DMT_BOOL);
  require_dtype(call, call.inputs[1], DMT_BOOL);
  require_dtype(call, call.outputs[0], DMT_BOOL);
  test_rows<Bool, bool>(call, call.inputs[0], call.inputs[1], Function::apply);
}

void logical_not(const OperatorCall& call) {
  require_tensors(call, 1);
  require_dtype(call, call.inputs[0], DMT_BOOL);
  require_dtype(call, call.outputs[0], DMT_BOOL);
  require_same_shape(call, call.inputs[0], call.outputs[0]);
  const Bool* x = call.inputs[0].as<Bool>();
  Bool* y = call.outputs[0].as<Bool>();
  call.executor.parallel_for(call.outputs[0].elements(), kElementGrain,
                             [&](int64_t begin, int64_t end) {
                               for (int64_t i = begin; i < end; ++i) y[i] = Bool(!x[i]);
                             });
}

// Inputs: condition, what is taken where it holds, what is taken elsewhere.
void where(const OperatorCall& call) {
  require_tensors(call, 3);
  const TensorView& y = call.outputs[0];
  require_dtype(call, call.inputs[0], DMT_BOOL);
  require_same_dtype(call, call.inputs[1], y);
  require_same_dtype(call, call.inputs[2], y);
  const auto plan = make_broadcast(call, y, call.inputs[0], call.inputs[1], call.inputs[2]);
  const int64_t condition_step = plan.row_step(0), a_step = plan.row_step(1),
                b_step = plan.row_step(2);
  dispatch_size(call, y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for_each_row(plan, call.executor, kElementGrain,
                 [&](int64_t first, const auto& offsets, int64_t count) {
                   const Bool* condition = call.inputs[0].as<Bool>() + offsets[0];
                   const T* a = call.inputs[1].as<T>() + offsets[1];
                   const T* b = call.inputs[2].as<T>() + offsets[2];
                   T* to = y.as<T>() + first;
                   for (int64_t i = 0; i < count; ++i) {
                     to[i] = condition[i * condition_step] ? a[i * a_step] : b[i * b_step];
                   }
                 });
  });
}

constexpr OperatorEntry kOperators[] = {
    {"Equal", compare<Equal, false>},
    {"Less", compare<Less, false>},
    {"LessOrEqual", compare<LessOrEqual, false>},
    {"Greater", compare<Less, true>},
    {"GreaterOrEqual", compare<LessOrEqual, true>},
    {"And", logic<And>},
    {"Or", logic<Or>},
    {"Xor", logic<Xor>},
    {"Not", logical_not},
    {"Where", where},
};

}  // namespace

std::span<const OperatorEntry> comparison_operators() { return kOperators; }

}  // namespace demitasse
