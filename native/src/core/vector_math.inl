// Elementary functions on vectors of floats, for inclusion inside namespace demitasse::avx512 or
// demitasse::avx2 after simd_avx512.h or simd_avx2.h. Both levels compute the same operations in
// the same order and so the same bits. The coefficients are our own minimax fits of the relative
// error (iteratively reweighted least squares in double precision); the stated errors are of the
// whole function in float, measured over all floats of the range (tests/core/vector_math_test.cpp).
// NaN stays NaN.
#pragma once

namespace {

// e^x, within 1 unit in the last place; subnormal results are right, too.
inline Floats exp(Floats x) {
  // Beyond these e^x is 0 or infinity. NaN passes, being the second operand.
  x = max(broadcast(-104.0f), min(broadcast(89.0f), x));
  const Floats n = round(x * broadcast(1.44269504f));
  // r = x - n ln 2, with ln 2 as the nearest float and the rest.
  Floats r = fnma(n, broadcast(0x1.62e43p-1f), x);
  r = fnma(n, broadcast(-1.90465430e-09f), r);
  Floats p = broadcast(0.0013888871900084396f);  // (e^r - 1) / r
  p = fma(p, r, broadcast(0.008369068560555123f));
  p = fma(p, r, broadcast(0.041667136221049186f));
  p = fma(p, r, broadcast(0.16666506219636404f));
  p = fma(p, r, broadcast(0.4999999812478003f));
  p = fma(p, r, broadcast(1.0f));
  p = fma(p, r, broadcast(1.0f));
  return times_power_of_two(p, n);
}

// 2^x for x <= 0, within 2 units in the last place: for softmax, where the sum of the results
// divides them, so that 2^0 need not be 1 exactly.
inline Floats exp2_of_negative(Floats x) {
  x = max(broadcast(-151.0f), x);  // 2^-151 rounds to 0
  const Floats n = round(x);
  const Floats r = x - n;
  Floats p = broadcast(0.0013276480284167263f);
  p = fma(p, r, broadcast(0.009675541384985671f));
  p = fma(p, r, broadcast(0.05550713247737429f));
  p = fma(p, r, broadcast(0.24022119725518637f));
  p = fma(p, r, broadcast(0.6931469670800346f));
  p = fma(p, r, broadcast(1.0000000716513733f));
  return times_power_of_two(p, n);
}

inline Floats clamp_to_one(Floats x) { return max(broadcast(-1.0f), min(broadcast(1.0f), x)); }

// The error function: x P(x^2) / Q(x^2), within 6 units in the last place (an absolute error of
// 4e-7); exactly -1 and 1 outside +-3.93.
inline Floats erf(Floats x) {
  constexpr float kLimit = 3.93f;
  x = max(broadcast(-kLimit), min(broadcast(kLimit), x));
  const Floats u = x * x;
  Floats p = broadcast(2.041970993217281e-06f);
  p = fma(p, u, broadcast(0.00028480866326819704f));
  p = fma(p, u, broadcast(0.003779610397959966f));
  p = fma(p, u, broadcast(0.052790289390490186f));
  p = fma(p, u, broadcast(0.19078385334006467f));
  p = fma(p, u, broadcast(1.1283791453546608f));
  Floats q = broadcast(3.800408039284446e-05f);
  q = fma(q, u, broadcast(0.001165213071021285f));
  q = fma(q, u, broadcast(0.014997439554311265f));
  q = fma(q, u, broadcast(0.1142575320513516f));
  q = fma(q, u, broadcast(0.5024105072967933f));
  q = fma(q, u, broadcast(1.0f));
  return clamp_to_one(x * p / q);
}

// The hyperbolic tangent, in the same way and with the same bound.
inline Floats tanh(Floats x) {
  constexpr float kLimit = 9.02f;
  x = max(broadcast(-kLimit), min(broadcast(kLimit), x));
  const Floats u = x * x;
  Floats p = broadcast(1.3319071174386372e-08f);
  p = fma(p, u, broadcast(2.0583480395376093e-05f));
  p = fma(p, u, broadcast(0.003494034484546556f));
  p = fma(p, u, broadcast(0.1337971786670644f));
  p = fma(p, u, broadcast(0.9999999790135227f));
  Floats q = broadcast(7.762019049997211e-07f);
  q = fma(q, u, broadcast(0.000328309273404711f));
  q = fma(q, u, broadcast(0.02587107288311522f));
  q = fma(q, u, broadcast(0.46713033106254936f));
  q = fma(q, u, broadcast(1.0f));
  return clamp_to_one(x * p / q);
}

inline Floats sigmoid(Floats x) { return broadcast(1.0f) / (broadcast(1.0f) + exp(zero() - x)); }

// x / (1 + e^-x)
inline Floats silu(Floats x) { return x / (broadcast(1.0f) + exp(zero() - x)); }

// x (1 + erf(x / sqrt 2)) / 2
inline Floats gelu_erf(Floats x) {
  const Floats half = broadcast(0.5f) * x;
  return fma(half, erf(x * broadcast(0.70710678f)), half);
}

// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2        (Hendrycks, Gimpel 2016)
inline Floats gelu_tanh(Floats x) {
  const Floats cubic = fma(broadcast(0.044715f) * x * x, x, x);
  const Floats half = broadcast(0.5f) * x;
  return fma(half, tanh(cubic * broadcast(0.79788456f)), half);
}

inline Floats relu(Floats x) { return max(zero(), x); }

inline Floats hard_swish(Floats x) {
  const Floats gate = fma(x, broadcast(1.0f / 6), broadcast(0.5f));
  return x * max(zero(), min(broadcast(1.0f), gate));
}

// Calls body(f) with the activation function as a function of one vector, so that a loop inside the
// body is compiled for each function.
template <class Body>
inline void with_activation(int32_t activation, Body&& body) {
  switch (activation) {
    case DMT_ACTIVATION_RELU:
      return body([](Floats x) { return relu(x); });
    case DMT_ACTIVATION_GELU_ERF:
      return body([](Floats x) { return gelu_erf(x); });
    case DMT_ACTIVATION_GELU_TANH:
      return body([](Floats x) { return gelu_tanh(x); });
    case DMT_ACTIVATION_SILU:
      return body([](Floats x) { return silu(x); });
    case DMT_ACTIVATION_HARD_SWISH:
      return body([](Floats x) { return hard_swish(x); });
    case DMT_ACTIVATION_TANH:
      return body([](Floats x) { return tanh(x); });
    case DMT_ACTIVATION_SIGMOID:
      return body([](Floats x) { return sigmoid(x); });
    default:
      return body([](Floats x) { return x; });
  }
}

}  // namespace
