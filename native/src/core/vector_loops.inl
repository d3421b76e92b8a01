// Loops over n floats in vectors, the last one partly filled; for inclusion like vector_math.inl.
// A body is called as body(i, lanes) with lanes of type Every or Some.
#pragma once

namespace {

template <class Body>
[[gnu::always_inline]] inline void for_each_vector(int64_t n, Body&& body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Every{});
  if (i < n) body(i, first(n - i));
}

// The sum of body's vectors, in an order that depends on n alone. Four partial sums hide the
// latency of the addition.
template <class Body>
[[gnu::always_inline]] inline float sum_vectors(int64_t n, Body&& body) {
  Floats a = zero(), b = zero(), c = zero(), d = zero();
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a += body(i, Every{});
    b += body(i + kLanes, Every{});
    c += body(i + 2 * kLanes, Every{});
    d += body(i + 3 * kLanes, Every{});
  }
  for (; i + kLanes <= n; i += kLanes) a += body(i, Every{});
  if (i < n) {
    const Some lanes = first(n - i);
    b += select(lanes, body(i, lanes), zero());
  }
  return reduce_add((a + b) + (c + d));
}

}  // namespace
