// The element-wise functions that are a few instructions each, on float or double.
//
// Included by files for different instruction sets: everything is in an anonymous namespace, so
// that no function compiled for a newer CPU is shared with the others, and no standard header is
// used.
#pragma once

namespace demitasse {
namespace {

inline float absolute(float x) { return __builtin_fabsf(x); }
inline double absolute(double x) { return __builtin_fabs(x); }
inline float square_root(float x) { return __builtin_sqrtf(x); }
inline double square_root(double x) { return __builtin_sqrt(x); }
inline float round_down(float x) { return __builtin_floorf(x); }
inline double round_down(double x) { return __builtin_floor(x); }
inline float round_up(float x) { return __builtin_ceilf(x); }
inline double round_up(double x) { return __builtin_ceil(x); }
inline float round_half_even(float x) { return __builtin_rintf(x); }
inline double round_half_even(double x) { return __builtin_rint(x); }

// Comparisons are written so that NaN passes through.
template <class T>
T clamp(T x, T low, T high) {
  const T raised = x < low ? low : x;
  return raised > high ? high : raised;
}

struct Abs {
  template <class T>
  static T apply(T x, T, T) {
    return absolute(x);
  }
};

struct Neg {
  template <class T>
  static T apply(T x, T, T) {
    return -x;
  }
};

struct Sign {
  template <class T>
  static T apply(T x, T, T) {
    return x > 0 ? T(1) : x < 0 ? T(-1) : x;
  }
};

struct Sqrt {
  template <class T>
  static T apply(T x, T, T) {
    return square_root(x);
  }
};

struct Reciprocal {
  template <class T>
  static T apply(T x, T, T) {
    return 1 / x;
  }
};

struct Floor {
  template <class T>
  static T apply(T x, T, T) {
    return round_down(x);
  }
};

struct Ceil {
  template <class T>
  static T apply(T x, T, T) {
    return round_up(x);
  }
};

struct Round {
  template <class T>
  static T apply(T x, T, T) {
    return round_half_even(x);
  }
};

struct Relu {
  template <class T>
  static T apply(T x, T, T) {
    return x < 0 ? T(0) : x;
  }
};

struct LeakyRelu {
  template <class T>
  static T apply(T x, T slope, T) {
    return x < 0 ? slope * x : x;
  }
};

struct ThresholdedRelu {
  template <class T>
  static T apply(T x, T threshold, T) {
    return x <= threshold ? T(0) : x;
  }
};

struct Clip {
  template <class T>
  static T apply(T x, T low, T high) {
    return clamp(x, low, high);
  }
};

struct HardSigmoid {
  template <class T>
  static T apply(T x, T slope, T offset) {
    return clamp(slope * x + offset, T(0), T(1));
  }
};

struct HardSwish {
  template <class T>
  static T apply(T x, T, T) {
    return x * clamp(x * T(1.0 / 6) + T(0.5), T(0), T(1));
  }
};

struct Softsign {
  template <class T>
  static T apply(T x, T, T) {
    return x / (1 + absolute(x));
  }
};

struct FloatAdd {
  template <class T>
  static T apply(T a, T b) {
    return a + b;
  }
};

struct FloatSub {
  template <class T>
  static T apply(T a, T b) {
    return a - b;
  }
};

struct FloatMul {
  template <class T>
  static T apply(T a, T b) {
    return a * b;
  }
};

struct FloatDiv {
  template <class T>
  static T apply(T a, T b) {
    return a / b;
  }
};

// NaN in either operand gives NaN.
struct FloatMax {
  template <class T>
  static T apply(T a, T b) {
    return (a > b) | (a != a) ? a : b;
  }
};

struct FloatMin {
  template <class T>
  static T apply(T a, T b) {
    return (a < b) | (a != a) ? a : b;
  }
};

struct FloatPRelu {
  template <class T>
  static T apply(T x, T slope) {
    return x < 0 ? slope * x : x;
  }
};

}  // namespace
}  // namespace demitasse
