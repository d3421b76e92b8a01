// From an element type known at run time to a C++ type: one switch for all operators.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/error.h"
#include "core/float16.h"
#include "core/tensor_view.h"
#include "demitasse/types.h"
#include "ops/registry.h"

namespace demitasse {

// The 16-bit floating types hold bits only; arithmetic on them goes through float.
struct Float16 {
  uint16_t bits;
  Float16() = default;
  explicit Float16(float value) : bits(f32_to_f16(value)) {}
  operator float() const { return f16_to_f32(bits); }
};

struct Bfloat16 {
  uint16_t bits;
  Bfloat16() = default;
  explicit Bfloat16(float value) : bits(f32_to_bf16(value)) {}
  operator float() const { return bf16_to_f32(bits); }
};

// One byte, 0 or 1; any other value read counts as true.
struct Bool {
  uint8_t bits;
  Bool() = default;
  explicit Bool(bool value) : bits(value) {}
  operator bool() const { return bits != 0; }
};

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, Bfloat16>;

template <class T>
inline constexpr bool is_floating = is_half<T> || std::is_floating_point_v<T>;

// The type that arithmetic on T is done in.
template <class T>
using Compute = std::conditional_t<is_half<T>, float, T>;

template <class T>
struct Type {
  using type = T;
};

[[noreturn]] void fail_dtype(const OperatorCall& call, int32_t dtype);

// Each dispatch_* calls body(Type<T>{}) for the element type and fails with DMT_UNSUPPORTED for one
// outside its set. Use it as: dispatch_numeric(call, dtype, [&](auto type) {
//   using T = typename decltype(type)::type; ... });
template <class Body>
void dispatch_floating(const OperatorCall& call, int32_t dtype, Body&& body) {
  switch (dtype) {
    case DMT_F32:
      return body(Type<float>{});
    case DMT_F64:
      return body(Type<double>{});
    case DMT_F16:
      return body(Type<Float16>{});
    case DMT_BF16:
      return body(Type<Bfloat16>{});
    default:
      fail_dtype(call, dtype);
  }
}

template <class Body>
void dispatch_integer(const OperatorCall& call, int32_t dtype, Body&& body) {
  switch (dtype) {
    case DMT_S8:
      return body(Type<int8_t>{});
    case DMT_S16:
      return body(Type<int16_t>{});
    case DMT_S32:
      return body(Type<int32_t>{});
    case DMT_S64:
      return body(Type<int64_t>{});
    case DMT_U8:
      return body(Type<uint8_t>{});
    case DMT_U16:
      return body(Type<uint16_t>{});
    case DMT_U32:
      return body(Type<uint32_t>{});
    case DMT_U64:
      return body(Type<uint64_t>{});
    default:
      fail_dtype(call, dtype);
  }
}

// Integers and floating types, without bool.
template <class Body>
void dispatch_numeric(const OperatorCall& call, int32_t dtype, Body&& body) {
  switch (dtype) {
    case DMT_F32:
    case DMT_F64:
    case DMT_F16:
    case DMT_BF16:
      return dispatch_floating(call, dtype, body);
    default:
      return dispatch_integer(call, dtype, body);
  }
}

template <class Body>
void dispatch_numeric_or_bool(const OperatorCall& call, int32_t dtype, Body&& body) {
  if (dtype == DMT_BOOL) return body(Type<Bool>{});
  dispatch_numeric(call, dtype, body);
}

// For operators that only move elements: an unsigned integer as large as one element, so that four
// instances serve all types of whole bytes.
template <class Body>
void dispatch_size(const OperatorCall& call, int32_t dtype, Body&& body) {
  switch (element_bytes(dtype)) {
    case 1:
      return body(Type<uint8_t>{});
    case 2:
      return body(Type<uint16_t>{});
    case 4:
      return body(Type<uint32_t>{});
    case 8:
      return body(Type<uint64_t>{});
    default:
      fail_dtype(call, dtype);
  }
}

}  // namespace demitasse
