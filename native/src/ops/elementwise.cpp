// Functions of one tensor, element by element.
#include <cmath>

#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_rows.h"
#include "ops/registry.h"
#include "ops/simple_functions.h"

namespace demitasse {
namespace {

void require_unary(const OperatorCall& call) {
  require_tensors(call, 1);
  require_same_shape(call, call.inputs[0], call.outputs[0]);
}

// Attribute i of the call; 0 when it has none.
double parameter(const OperatorCall& call, size_t i) {
  return i < call.floats.size() ? call.floats[i] : 0;
}

// y = Function(x) for floating types.
template <class Function>
void floating_unary(const OperatorCall& call) {
  require_unary(call);
  require_same_dtype(call, call.inputs[0], call.outputs[0]);
  const double p = parameter(call, 0), q = parameter(call, 1);
  dispatch_floating(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using C = Compute<T>;
    const T* x = call.inputs[0].as<T>();
    T* y = call.outputs[0].as<T>();
    call.executor.parallel_for(call.outputs[0].elements(), kElementGrain / 8,
                               [&](int64_t begin, int64_t end) {
                                 for (int64_t i = begin; i < end; ++i) {
                                   y[i] = static_cast<T>(Function::template apply<C>(
                                       static_cast<C>(x[i]), static_cast<C>(p), static_cast<C>(q)));
                                 }
                               });
  });
}

bool is_f32(const OperatorCall& call) {
  return !call.inputs.empty() && call.inputs[0].dtype == DMT_F32 && !call.outputs.empty() &&
         call.outputs[0].dtype == DMT_F32;
}

// The same with a loop of float_rows.h for f32.
template <FloatUnary function, class Function>
void simple_unary(const OperatorCall& call) {
  if (!is_f32(call)) return floating_unary<Function>(call);
  require_unary(call);
  const FloatUnaryRow row = float_rows(active_isa())[function];
  const float* x = call.inputs[0].as<float>();
  float* y = call.outputs[0].as<float>();
  const float p = static_cast<float>(parameter(call, 0));
  const float q = static_cast<float>(parameter(call, 1));
  call.executor.parallel_for(
      call.outputs[0].elements(), kElementGrain,
      [&](int64_t begin, int64_t end) { row(x + begin, y + begin, end - begin, p, q); });
}

// The same with the row kernels of norm/ for f32.
template <dmt_activation activation, class Function>
void activation_unary(const OperatorCall& call) {
  if (!is_f32(call)) return floating_unary<Function>(call);
  require_unary(call);
  const float* x = call.inputs[0].as<float>();
  float* y = call.outputs[0].as<float>();
  call.executor.parallel_for(
      call.outputs[0].elements(), kElementGrain / 4, [&](int64_t begin, int64_t end) {
        activate(active_isa(), activation, x + begin, y + begin, end - begin);
      });
}

template <class Function>
void integer_unary(const OperatorCall& call) {
  require_unary(call);
  require_same_dtype(call, call.inputs[0], call.outputs[0]);
  dispatch_integer(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* x = call.inputs[0].as<T>();
    T* y = call.outputs[0].as<T>();
    call.executor.parallel_for(call.outputs[0].elements(), kElementGrain,
                               [&](int64_t begin, int64_t end) {
                                 for (int64_t i = begin; i < end; ++i) y[i] = Function::apply(x[i]);
                               });
  });
}

template <FloatUnary function, class Function, class IntegerFunction>
void numeric_unary(const OperatorCall& call) {
  require_tensors(call, 1);
  switch (call.inputs[0].dtype) {
    case DMT_F32:
    case DMT_F64:
    case DMT_F16:
    case DMT_BF16:
      return simple_unary<function, Function>(call);
    default:
      return integer_unary<IntegerFunction>(call);
  }
}

// Two's complement: the negative of the least number is itself.
template <class T>
T negated(T x) {
  return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x));
}

struct IntegerAbs {
  template <class T>
  static T apply(T x) {
    return x < T(0) ? negated(x) : x;
  }
};

struct IntegerNeg {
  template <class T>
  static T apply(T x) {
    return negated(x);
  }
};

struct IntegerSign {
  template <class T>
  static T apply(T x) {
    return static_cast<T>((x > T(0)) - (x < T(0)));
  }
};

struct IntegerRelu {
  template <class T>
  static T apply(T x) {
    return x < T(0) ? T(0) : x;
  }
};

struct BitwiseNot {
  template <class T>
  static T apply(T x) {
    return static_cast<T>(~x);
  }
};

// Wraps a function of <cmath>, overloaded for float and double, for floating_unary.
#define DEMITASSE_FUNCTION(Name, expression)                          \
  struct Name {                                                       \
    template <class T>                                                \
    static T apply(T x, [[maybe_unused]] T p, [[maybe_unused]] T q) { \
      return expression;                                              \
    }                                                                 \
  };

template <class T>
T sigmoid(T x) {
  return 1 / (1 + std::exp(-x));
}

template <class T>
T softplus(T x) {
  return (x > 0 ? x : T(0)) + std::log1p(std::exp(-absolute(x)));
}

template <class T>
T expm1_below_zero(T x) {
  return x < 0 ? std::expm1(x) : T(0);
}

DEMITASSE_FUNCTION(Exp, std::exp(x))
DEMITASSE_FUNCTION(Log, std::log(x))
DEMITASSE_FUNCTION(Sin, std::sin(x))
DEMITASSE_FUNCTION(Cos, std::cos(x))
DEMITASSE_FUNCTION(Tan, std::tan(x))
DEMITASSE_FUNCTION(Asin, std::asin(x))
DEMITASSE_FUNCTION(Acos, std::acos(x))
DEMITASSE_FUNCTION(Atan, std::atan(x))
DEMITASSE_FUNCTION(Sinh, std::sinh(x))
DEMITASSE_FUNCTION(Cosh, std::cosh(x))
DEMITASSE_FUNCTION(Tanh, std::tanh(x))
DEMITASSE_FUNCTION(Asinh, std::asinh(x))
DEMITASSE_FUNCTION(Acosh, std::acosh(x))
DEMITASSE_FUNCTION(Atanh, std::atanh(x))
DEMITASSE_FUNCTION(Erf, std::erf(x))
DEMITASSE_FUNCTION(Sigmoid, sigmoid(x))
DEMITASSE_FUNCTION(Softplus, softplus(x))
DEMITASSE_FUNCTION(Mish, x* std::tanh(softplus(x)))
DEMITASSE_FUNCTION(Swish, x / (1 + std::exp(-p * x)))
DEMITASSE_FUNCTION(Silu, x* sigmoid(x))
DEMITASSE_FUNCTION(Elu, x < 0 ? p * std::expm1(x) : x)
// Written so that NaN passes through.
DEMITASSE_FUNCTION(Celu, x < 0 ? p * expm1_below_zero(x / p) : x)
DEMITASSE_FUNCTION(Selu, q*(x < 0 ? p * std::expm1(x) : x))
DEMITASSE_FUNCTION(Shrink, x<-p ? x + q : x> p ? x - q : x != x ? x : T(0))
DEMITASSE_FUNCTION(GeluErf, T(0.5) * x * (1 + std::erf(x * T(0.70710678118654752440))))
DEMITASSE_FUNCTION(GeluTanh,
                   T(0.5) * x *
                       (1 + std::tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x))))
#undef DEMITASSE_FUNCTION

// integers: 1 for the approximation by tanh (Hendrycks and Gimpel 2016).
void gelu(const OperatorCall& call) {
  require_attributes(call, 1);
  if (call.integers[0] != 0) return activation_unary<DMT_ACTIVATION_GELU_TANH, GeluTanh>(call);
  activation_unary<DMT_ACTIVATION_GELU_ERF, GeluErf>(call);
}

void swish(const OperatorCall& call) {
  require_attributes(call, 0, 1);
  if (call.floats[0] == 1) return activation_unary<DMT_ACTIVATION_SILU, Silu>(call);
  floating_unary<Swish>(call);
}

template <class Test>
void floating_test(const OperatorCall& call, Test test) {
  require_unary(call);
  require_dtype(call, call.outputs[0], DMT_BOOL);
  dispatch_floating(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* x = call.inputs[0].as<T>();
    Bool* y = call.outputs[0].as<Bool>();
    call.executor.parallel_for(call.outputs[0].elements(), kElementGrain,
                               [&](int64_t begin, int64_t end) {
                                 for (int64_t i = begin; i < end; ++i) {
                                   y[i] = Bool(test(static_cast<Compute<T>>(x[i])));
                                 }
                               });
  });
}

void is_nan(const OperatorCall& call) {
  floating_test(call, [](auto x) { return x != x; });
}

// integers: detect_negative, detect_positive.
void is_inf(const OperatorCall& call) {
  require_attributes(call, 2);
  const bool negative = call.integers[0] != 0, positive = call.integers[1] != 0;
  floating_test(call, [=](auto x) { return std::isinf(x) && (x < 0 ? negative : positive); });
}

constexpr OperatorEntry kOperators[] = {
    {"Abs", numeric_unary<FloatUnary::abs, Abs, IntegerAbs>},
    {"Neg", numeric_unary<FloatUnary::neg, Neg, IntegerNeg>},
    {"Sign", numeric_unary<FloatUnary::sign, Sign, IntegerSign>},
    {"Relu", numeric_unary<FloatUnary::relu, Relu, IntegerRelu>},
    {"BitwiseNot", integer_unary<BitwiseNot>},
    {"Sqrt", simple_unary<FloatUnary::sqrt, Sqrt>},
    {"Reciprocal", simple_unary<FloatUnary::reciprocal, Reciprocal>},
    {"Floor", simple_unary<FloatUnary::floor, Floor>},
    {"Ceil", simple_unary<FloatUnary::ceil, Ceil>},
    {"Round", simple_unary<FloatUnary::round, Round>},
    {"LeakyRelu", simple_unary<FloatUnary::leaky_relu, LeakyRelu>},
    {"ThresholdedRelu", simple_unary<FloatUnary::thresholded_relu, ThresholdedRelu>},
    {"HardSigmoid", simple_unary<FloatUnary::hard_sigmoid, HardSigmoid>},
    {"HardSwish", simple_unary<FloatUnary::hard_swish, HardSwish>},
    {"Softsign", simple_unary<FloatUnary::softsign, Softsign>},
    {"Exp", simple_unary<FloatUnary::exp, Exp>},
    {"Log", floating_unary<Log>},
    {"Sin", floating_unary<Sin>},
    {"Cos", floating_unary<Cos>},
    {"Tan", floating_unary<Tan>},
    {"Asin", floating_unary<Asin>},
    {"Acos", floating_unary<Acos>},
    {"Atan", floating_unary<Atan>},
    {"Sinh", floating_unary<Sinh>},
    {"Cosh", floating_unary<Cosh>},
    {"Tanh", activation_unary<DMT_ACTIVATION_TANH, Tanh>},
    {"Asinh", floating_unary<Asinh>},
    {"Acosh", floating_unary<Acosh>},
    {"Atanh", floating_unary<Atanh>},
    {"Erf", simple_unary<FloatUnary::erf, Erf>},
    {"Sigmoid", activation_unary<DMT_ACTIVATION_SIGMOID, Sigmoid>},
    {"Softplus", floating_unary<Softplus>},
    {"Mish", floating_unary<Mish>},
    {"Swish", swish},
    {"Elu", floating_unary<Elu>},
    {"Celu", floating_unary<Celu>},
    {"Selu", floating_unary<Selu>},
    {"Shrink", floating_unary<Shrink>},
    {"Gelu", gelu},
    {"IsNaN", is_nan},
    {"IsInf", is_inf},
};

}  // namespace

std::span<const OperatorEntry> elementwise_operators() { return kOperators; }

}  // namespace demitasse
