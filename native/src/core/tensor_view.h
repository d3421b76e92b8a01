// A typed, shaped, contiguous piece of somebody else's memory.
#pragma once

#include <cstdint>

#include "demitasse/types.h"

namespace demitasse {

struct TensorView {
  int32_t dtype = 0;  // dmt_dtype; 0: an absent optional tensor
  int32_t rank = 0;
  int64_t dims[DMT_MAX_RANK] = {};
  void* data = nullptr;

  bool present() const { return dtype != 0; }
  int64_t elements() const {
    int64_t count = 1;
    for (int32_t i = 0; i < rank; ++i) count *= dims[i];
    return count;
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// Bytes of one element of a dmt_dtype; 0 for an unknown one and for those of less than a byte.
int64_t element_bytes(int32_t dtype);

// Bits of one element of a dmt_dtype; 0 for an unknown one.
int32_t element_bits(int32_t dtype);

// "float16", "int4" ...: the names ONNX uses in messages; "?" for an unknown number.
const char* dtype_name(int32_t dtype);

}  // namespace demitasse
