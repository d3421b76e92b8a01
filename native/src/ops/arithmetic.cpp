// Arithmetic on two and more tensors under broadcasting.
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/arguments.h"
#include "ops/broadcast.h"
#include "ops/dispatch.h"
#include "ops/float_rows.h"
#include "ops/registry.h"
#include "ops/simple_functions.h"
#include "ops/wide_elements.h"

namespace demitasse {
namespace {

// Signed arithmetic wraps around when done in an unsigned type at least as wide as int.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;

struct IntegerAdd {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
};

struct IntegerSub {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  }
};

struct IntegerMul {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
};

template <class T>
bool is_minus_one(T value) {
  return std::is_signed_v<T> && value == static_cast<T>(-1);
}

// Towards zero. By zero: 0. The least number by -1 wraps around to itself.
struct IntegerDiv {
  template <class T>
  static T apply(T a, T b) {
    if (b == 0) return 0;
    if (is_minus_one(b)) return IntegerSub::apply<T>(0, a);
    return static_cast<T>(a / b);
  }
};

struct IntegerMax {
  template <class T>
  static T apply(T a, T b) {
    return a > b ? a : b;
  }
};

struct IntegerMin {
  template <class T>
  static T apply(T a, T b) {
    return a < b ? a : b;
  }
};

struct IntegerPRelu {
  template <class T>
  static T apply(T x, T slope) {
    return x < T(0) ? IntegerMul::apply(x, slope) : x;
  }
};

// The remainder with the dividend's sign, as C's.
struct Remainder {
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      return b == 0 || is_minus_one(b) ? T(0) : static_cast<T>(a % b);
    }
  }
};

// The remainder with the divisor's sign, as Python's.
struct Modulo {
  template <class T>
  static T apply(T a, T b) {
    const T remainder = Remainder::apply(a, b);
    const bool other_side = remainder != 0 && (remainder < 0) != (b < 0);
    return other_side ? static_cast<T>(remainder + b) : remainder;
  }
};

struct BitwiseAnd {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a & b);
  }
};

struct BitwiseOr {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a | b);
  }
};

struct BitwiseXor {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};

struct ShiftLeft {
  template <class T>
  static T apply(T a, T b) {
    const auto count = static_cast<std::make_unsigned_t<T>>(b);
    return count >= sizeof(T) * 8 ? T(0) : static_cast<T>(static_cast<Wrapping<T>>(a) << count);
  }
};

struct ShiftRight {
  template <class T>
  static T apply(T a, T b) {
    const auto count = static_cast<std::make_unsigned_t<T>>(b);
    if (count >= sizeof(T) * 8) return a < T(0) ? static_cast<T>(-1) : T(0);
    return static_cast<T>(a >> count);
  }
};

// y = Function(a, b) under broadcasting; y may be a when their shapes are equal.
template <class Function, class T>
void binary(const OperatorCall& call, const TensorView& a, const TensorView& b,
            const TensorView& y) {
  const auto plan = make_broadcast(call, y, a, b);
  const int64_t a_step = plan.row_step(0), b_step = plan.row_step(1);
  const T* left = a.as<T>();
  const T* right = b.as<T>();
  T* result = y.as<T>();
  for_each_row(
      plan, call.executor, kElementGrain, [&](int64_t first, const auto& offsets, int64_t count) {
        const T* from_a = left + offsets[0];
        const T* from_b = right + offsets[1];
        T* to = result + first;
        for (int64_t i = 0; i < count; ++i) {
          to[i] = static_cast<T>(
              Function::template apply<Compute<T>>(static_cast<Compute<T>>(from_a[i * a_step]),
                                                   static_cast<Compute<T>>(from_b[i * b_step])));
        }
      });
}

template <FloatBinary function>
void float_binary(const OperatorCall& call, const TensorView& a, const TensorView& b,
                  const TensorView& y) {
  const auto plan = make_broadcast(call, y, a, b);
  const FloatBinaryRow row = float_rows(active_isa())[function];
  const int64_t a_step = plan.row_step(0), b_step = plan.row_step(1);
  for_each_row(plan, call.executor, kElementGrain,
               [&](int64_t first, const auto& offsets, int64_t count) {
                 row(a.as<float>() + offsets[0], a_step, b.as<float>() + offsets[1], b_step,
                     y.as<float>() + first, count);
               });
}

void require_binary(const OperatorCall& call) {
  require_tensors(call, 2);
  require_same_dtype(call, call.inputs[0], call.inputs[1]);
  require_same_dtype(call, call.inputs[0], call.outputs[0]);
}

template <FloatBinary function, class Function, class IntegerFunction>
void numeric(const OperatorCall& call, const TensorView& a, const TensorView& b,
             const TensorView& y) {
  dispatch_numeric(call, y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if constexpr (std::is_same_v<T, float>) {
      float_binary<function>(call, a, b, y);
    } else if constexpr (is_floating<T>) {
      binary<Function, T>(call, a, b, y);
    } else {
      binary<IntegerFunction, T>(call, a, b, y);
    }
  });
}

template <FloatBinary function, class Function, class IntegerFunction>
void numeric_binary(const OperatorCall& call) {
  require_binary(call);
  numeric<function, Function, IntegerFunction>(call, call.inputs[0], call.inputs[1],
                                               call.outputs[0]);
}

template <class Function>
void integer_binary(const OperatorCall& call) {
  require_binary(call);
  dispatch_integer(call, call.outputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    binary<Function, T>(call, call.inputs[0], call.inputs[1], call.outputs[0]);
  });
}

// integers: fmod.
void mod(const OperatorCall& call) {
  require_binary(call);
  require_attributes(call, 1);
  const bool fmod = call.integers[0] != 0;
  dispatch_numeric(call, call.outputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if (fmod) {
      binary<Remainder, T>(call, call.inputs[0], call.inputs[1], call.outputs[0]);
    } else {
      binary<Modulo, T>(call, call.inputs[0], call.inputs[1], call.outputs[0]);
    }
  });
}

// integers: 1 to shift left, 0 to shift right.
void bit_shift(const OperatorCall& call) {
  require_attributes(call, 1);
  if (call.integers[0] != 0) return integer_binary<ShiftLeft>(call);
  integer_binary<ShiftRight>(call);
}

// y = x under broadcasting.
void repeat(const OperatorCall& call, const TensorView& x, const TensorView& y) {
  const auto plan = make_broadcast(call, y, x);
  const int64_t step = plan.row_step(0);
  dispatch_size(call, y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for_each_row(plan, call.executor, kElementGrain,
                 [&](int64_t first, const auto& offsets, int64_t count) {
                   const T* from = x.as<T>() + offsets[0];
                   T* to = y.as<T>() + first;
                   for (int64_t i = 0; i < count; ++i) to[i] = from[i * step];
                 });
  });
}

// Any number of inputs, folded from the left into the output.
template <FloatBinary function, class Function, class IntegerFunction>
void variadic(const OperatorCall& call) {
  require_tensors(call, std::max<size_t>(1, call.inputs.size()));
  const TensorView& y = call.outputs[0];
  for (const TensorView& input : call.inputs) require_same_dtype(call, input, y);
  if (call.inputs.size() == 1) return repeat(call, call.inputs[0], y);
  numeric<function, Function, IntegerFunction>(call, call.inputs[0], call.inputs[1], y);
  for (size_t i = 2; i < call.inputs.size(); ++i) {
    numeric<function, Function, IntegerFunction>(call, y, call.inputs[i], y);
  }
}

void mean(const OperatorCall& call) {
  variadic<FloatBinary::add, FloatAdd, IntegerAdd>(call);
  const TensorView& y = call.outputs[0];
  dispatch_floating(call, y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using C = Compute<T>;
    const C count = static_cast<C>(call.inputs.size());
    T* values = y.as<T>();
    call.executor.parallel_for(y.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        values[i] = static_cast<T>(static_cast<C>(values[i]) / count);
      }
    });
  });
}

// x^n by squaring, wrapping around. A negative power is 1 / x^-n towards zero; of 0 it is 0.
template <class T>
T integer_power(T x, int64_t exponent) {
  if (exponent < 0) {
    if (x == 1 || (is_minus_one(x) && exponent % 2 == 0)) return 1;
    return is_minus_one(x) ? x : T(0);
  }
  T result = 1;
  for (T square = x; exponent > 0; exponent /= 2) {
    if (exponent % 2 != 0) result = IntegerMul::apply(result, square);
    square = IntegerMul::apply(square, square);
  }
  return result;
}

template <class T, class Exponent>
T power(T x, Exponent exponent) {
  if constexpr (is_floating<T>) {
    using C = Compute<T>;
    return static_cast<T>(std::pow(static_cast<C>(x), static_cast<C>(exponent)));
  } else if constexpr (std::is_same_v<Exponent, int64_t>) {
    return integer_power(x, exponent);
  } else {
    return saturate_to<T>(std::pow(static_cast<double>(x), exponent));
  }
}

template <class T, class Exponent>
void power_rows(const OperatorCall& call) {
  const TensorView& x = call.inputs[0];
  const TensorView& n = call.inputs[1];
  const TensorView& y = call.outputs[0];
  const auto plan = make_broadcast(call, y, x, n);
  const int64_t x_step = plan.row_step(0), n_step = plan.row_step(1);
  for_each_row(plan, call.executor, kElementGrain / 16,
               [&](int64_t first, const auto& offsets, int64_t count) {
                 Exponent exponents[kPiece];
                 for (int64_t done = 0; done < count; done += kPiece) {
                   const int64_t piece = std::min(kPiece, count - done);
                   const int64_t from = offsets[1] + done * n_step;
                   const int64_t distinct = n_step == 0 ? 1 : piece;
                   if constexpr (std::is_same_v<Exponent, int64_t>) {
                     load_integers(call, n.dtype, n.data, from, distinct, exponents);
                   } else {
                     load_reals(call, n.dtype, n.data, from, distinct, exponents);
                   }
                   const T* base = x.as<T>() + offsets[0] + done * x_step;
                   T* to = y.as<T>() + first + done;
                   for (int64_t i = 0; i < piece; ++i) {
                     to[i] = power<T, Exponent>(base[i * x_step], exponents[i * n_step]);
                   }
                 }
               });
}

// The value of a scalar floating exponent, NaN for any other.
double scalar_exponent(const OperatorCall& call) {
  const TensorView& n = call.inputs[1];
  double value = std::numeric_limits<double>::quiet_NaN();
  if (n.elements() == 1) load_reals(call, n.dtype, n.data, 0, 1, &value);
  return value;
}

// Exponents may be of another type than the base, whose type the result has.
void pow(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, y);
  if (x.dtype == DMT_F32) {  // squares and roots: most of what networks do
    const double exponent = scalar_exponent(call);
    if (exponent == 2) return float_binary<FloatBinary::mul>(call, x, x, y);
    if (exponent == 1) return repeat(call, x, y);
  }
  const bool integers = reads_as_integer(call.inputs[1].dtype);
  dispatch_numeric(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if constexpr (is_floating<T>) {
      power_rows<T, double>(call);
    } else if (integers) {
      power_rows<T, int64_t>(call);
    } else {
      power_rows<T, double>(call);
    }
  });
}

// Inputs: x, least, largest; an absent bound does not limit. floats: the two bounds, used where
// the inputs are absent and floats are given.
void clip(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, y);
  require_same_shape(call, x, y);
  for (size_t i = 1; i <= 2; ++i) {
    if (!has_input(call, i)) continue;
    require_same_dtype(call, x, call.inputs[i]);
    if (call.inputs[i].elements() != 1) {
      fail(DMT_INVALID_ARGUMENT, "Clip: bound %s is not a scalar",
           describe(call.inputs[i]).c_str());
    }
  }
  dispatch_numeric(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using C = Compute<T>;
    using Limits = std::numeric_limits<C>;
    C low = is_floating<T> ? -Limits::infinity() : Limits::lowest();
    C high = is_floating<T> ? Limits::infinity() : Limits::max();
    if (call.floats.size() >= 2) {
      low = static_cast<C>(from_double<T>(call.floats[0]));
      high = static_cast<C>(from_double<T>(call.floats[1]));
    }
    if (has_input(call, 1)) low = static_cast<C>(*call.inputs[1].as<T>());
    if (has_input(call, 2)) high = static_cast<C>(*call.inputs[2].as<T>());
    const T* from = x.as<T>();
    T* to = y.as<T>();
    call.executor.parallel_for(y.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
      if constexpr (std::is_same_v<T, float>) {
        float_rows(active_isa())[FloatUnary::clip](from + begin, to + begin, end - begin, low,
                                                   high);
      } else {
        for (int64_t i = begin; i < end; ++i) {
          to[i] = static_cast<T>(clamp(static_cast<C>(from[i]), low, high));
        }
      }
    });
  });
}

constexpr OperatorEntry kOperators[] = {
    {"Add", numeric_binary<FloatBinary::add, FloatAdd, IntegerAdd>},
    {"Sub", numeric_binary<FloatBinary::sub, FloatSub, IntegerSub>},
    {"Mul", numeric_binary<FloatBinary::mul, FloatMul, IntegerMul>},
    {"Div", numeric_binary<FloatBinary::div, FloatDiv, IntegerDiv>},
    {"PRelu", numeric_binary<FloatBinary::prelu, FloatPRelu, IntegerPRelu>},
    {"Sum", variadic<FloatBinary::add, FloatAdd, IntegerAdd>},
    {"Max", variadic<FloatBinary::max, FloatMax, IntegerMax>},
    {"Min", variadic<FloatBinary::min, FloatMin, IntegerMin>},
    {"Mean", mean},
    {"Mod", mod},
    {"Pow", pow},
    {"Clip", clip},
    {"BitShift", bit_shift},
    {"BitwiseAnd", integer_binary<BitwiseAnd>},
    {"BitwiseOr", integer_binary<BitwiseOr>},
    {"BitwiseXor", integer_binary<BitwiseXor>},
};

}  // namespace

std::span<const OperatorEntry> arithmetic_operators() { return kOperators; }

}  // namespace demitasse
