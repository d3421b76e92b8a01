#include "ops/wide_elements.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/small_floats.h"

namespace demitasse {
namespace {

uint8_t read_bits(const void* data, int64_t index, int bits) {
  const int per_byte = 8 / bits;
  const uint8_t byte = static_cast<const uint8_t*>(data)[index / per_byte];
  return static_cast<uint8_t>(byte >> (index % per_byte * bits)) & ((1u << bits) - 1);
}

void write_bits(void* data, int64_t index, int bits, uint8_t value) {
  const int per_byte = 8 / bits;
  uint8_t& byte = static_cast<uint8_t*>(data)[index / per_byte];
  const int shift = static_cast<int>(index % per_byte) * bits;
  const unsigned mask = ((1u << bits) - 1) << shift;
  byte = static_cast<uint8_t>((byte & ~mask) | (static_cast<unsigned>(value) << shift & mask));
}

bool is_small_integer(int32_t dtype) {
  return dtype == DMT_U4 || dtype == DMT_S4 || dtype == DMT_U2 || dtype == DMT_S2;
}

bool is_small_signed(int32_t dtype) { return dtype == DMT_S4 || dtype == DMT_S2; }

int64_t small_integer(int32_t dtype, uint8_t field) {
  const int bits = element_bits(dtype);
  const bool negative = is_small_signed(dtype) && (field >> (bits - 1)) != 0;
  return negative ? static_cast<int64_t>(field) - (1 << bits) : field;
}

}  // namespace

bool reads_as_integer(int32_t dtype) {
  switch (dtype) {
    case DMT_BOOL:
    case DMT_U8:
    case DMT_S8:
    case DMT_U16:
    case DMT_S16:
    case DMT_U32:
    case DMT_S32:
    case DMT_U64:
    case DMT_S64:
      return true;
    default:
      return is_small_integer(dtype);
  }
}

void load_reals(const OperatorCall& call, int32_t dtype, const void* data, int64_t first,
                int64_t count, double* values) {
  if (const SmallFloat* format = small_float(dtype)) {
    for (int64_t i = 0; i < count; ++i) {
      values[i] = decode(*format, read_bits(data, first + i, format->bits));
    }
    return;
  }
  if (is_small_integer(dtype)) {
    const int bits = element_bits(dtype);
    for (int64_t i = 0; i < count; ++i) {
      values[i] = static_cast<double>(small_integer(dtype, read_bits(data, first + i, bits)));
    }
    return;
  }
  dispatch_numeric_or_bool(call, dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* from = static_cast<const T*>(data) + first;
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<double>(from[i]);
  });
}

void load_integers(const OperatorCall& call, int32_t dtype, const void* data, int64_t first,
                   int64_t count, int64_t* values) {
  if (is_small_integer(dtype)) {
    const int bits = element_bits(dtype);
    for (int64_t i = 0; i < count; ++i) {
      values[i] = small_integer(dtype, read_bits(data, first + i, bits));
    }
    return;
  }
  if (dtype == DMT_BOOL) {
    const Bool* from = static_cast<const Bool*>(data) + first;
    for (int64_t i = 0; i < count; ++i) values[i] = from[i] ? 1 : 0;
    return;
  }
  dispatch_integer(call, dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* from = static_cast<const T*>(data) + first;
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<int64_t>(from[i]);
  });
}

int64_t integer_scalar(const OperatorCall& call, size_t input) {
  const TensorView& tensor = call.inputs[input];
  if (tensor.elements() != 1) {
    fail(DMT_INVALID_ARGUMENT, "%s: input %zu, %s, is not a scalar", std::string(call.name).c_str(),
         input, describe(tensor).c_str());
  }
  int64_t value;
  load_integers(call, tensor.dtype, tensor.data, 0, 1, &value);
  return value;
}

void store_reals(const OperatorCall& call, int32_t dtype, void* data, int64_t first, int64_t count,
                 const double* values, bool saturate) {
  if (const SmallFloat* format = small_float(dtype)) {
    for (int64_t i = 0; i < count; ++i) {
      write_bits(data, first + i, format->bits, encode(*format, values[i], saturate));
    }
    return;
  }
  if (is_small_integer(dtype)) {
    for (int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<uint8_t>(saturate_to<int64_t>(values[i]));
      write_bits(data, first + i, element_bits(dtype), value);
    }
    return;
  }
  dispatch_numeric_or_bool(call, dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* to = static_cast<T*>(data) + first;
    for (int64_t i = 0; i < count; ++i) to[i] = from_double<T>(values[i]);
  });
}

void store_integers(const OperatorCall& call, int32_t dtype, void* data, int64_t first,
                    int64_t count, const int64_t* values, bool from_unsigned) {
  if (is_small_integer(dtype)) {
    for (int64_t i = 0; i < count; ++i) {
      write_bits(data, first + i, element_bits(dtype), static_cast<uint8_t>(values[i]));
    }
    return;
  }
  if (small_float(dtype) != nullptr) {
    double reals[kPiece];
    for (int64_t done = 0; done < count; done += kPiece) {
      const int64_t piece = std::min(kPiece, count - done);
      for (int64_t i = 0; i < piece; ++i) {
        const int64_t value = values[done + i];
        reals[i] = from_unsigned ? static_cast<double>(static_cast<uint64_t>(value))
                                 : static_cast<double>(value);
      }
      store_reals(call, dtype, data, first + done, piece, reals);
    }
    return;
  }
  dispatch_numeric_or_bool(call, dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* to = static_cast<T*>(data) + first;
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, Bool>) {
        to[i] = Bool(values[i] != 0);
      } else if constexpr (is_half<T>) {
        // A float holds 24 bits: more would be rounded twice, so the way goes through double.
        const double value = from_unsigned ? static_cast<double>(static_cast<uint64_t>(values[i]))
                                           : static_cast<double>(values[i]);
        to[i] = from_double<T>(value);
      } else if constexpr (std::is_floating_point_v<T>) {
        to[i] = from_unsigned ? static_cast<T>(static_cast<uint64_t>(values[i]))
                              : static_cast<T>(values[i]);
      } else {
        to[i] = static_cast<T>(values[i]);
      }
    }
  });
}

}  // namespace demitasse
