// Reading and writing elements of any type as double or as 64-bit integers, in pieces: one instance
// per type where templates over pairs of types would need hundreds.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/dispatch.h"

namespace demitasse {

// Elements converted at a time: the buffers fit L1.
inline constexpr int64_t kPiece = 512;

// Saturates; NaN gives 0.
template <class Integer, class Real>
Integer saturate_to(Real value) {
  using Limits = std::numeric_limits<Integer>;
  if (!(value == value)) return 0;
  // The maximum may round up to a power of two in Real, hence >=.
  if (value >= static_cast<Real>(Limits::max())) return Limits::max();
  if (value <= static_cast<Real>(Limits::min())) return Limits::min();
  return static_cast<Integer>(value);
}

// A double as T, rounded once.
template <class T>
T from_double(double value) {
  if constexpr (is_half<T>) {
    // Rounding to odd keeps what the second rounding needs to know of the lost bits.
    float narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) != value && value == value) {
      uint32_t bits = std::bit_cast<uint32_t>(narrow);
      const double magnitude = value < 0 ? -value : value;
      const double rounded = narrow < 0 ? -static_cast<double>(narrow) : narrow;
      if (rounded > magnitude) --bits;
      narrow = std::bit_cast<float>(bits | 1);
    }
    return T(narrow);
  } else if constexpr (std::is_same_v<T, Bool>) {
    return Bool(value != 0);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    return saturate_to<T>(value);
  }
}

// True for the types that are read exactly as int64_t: all integers and bool.
bool reads_as_integer(int32_t dtype);

// Elements [first, first + count) of data, an array of dtype. Unknown types fail with
// DMT_UNSUPPORTED. load_integers takes integer types only; uint64 comes with its bits unchanged.
void load_reals(const OperatorCall& call, int32_t dtype, const void* data, int64_t first,
                int64_t count, double* values);
void load_integers(const OperatorCall& call, int32_t dtype, const void* data, int64_t first,
                   int64_t count, int64_t* values);

// The integer that an input of one element holds; fails for any other input.
int64_t integer_scalar(const OperatorCall& call, size_t input);

// Floating targets round half to even, once; integers of 8 bits and more saturate, those of less
// wrap around (as ONNX's test cases have it). `saturate` is
// ONNX's attribute for the 8-bit floating types: too large values become the largest, else NaN or
// infinity.
void store_reals(const OperatorCall& call, int32_t dtype, void* data, int64_t first, int64_t count,
                 const double* values, bool saturate = true);

// Integer targets wrap around. from_unsigned: the values are uint64 bits.
void store_integers(const OperatorCall& call, int32_t dtype, void* data, int64_t first,
                    int64_t count, const int64_t* values, bool from_unsigned = false);

// False for types of less than a byte: two threads must not write neighbouring elements.
inline bool writes_independently(int32_t dtype) { return element_bits(dtype) >= 8; }

}  // namespace demitasse
