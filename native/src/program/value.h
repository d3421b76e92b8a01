// The values of a program: what they look like and how many bytes they take.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/tensor_view.h"
#include "demitasse/program.h"
#include "gemm/linear.h"

namespace demitasse {

// The row counts of a run, or of the part of it that one thread works on.
struct Extent {
  int64_t tokens = 0;
  int64_t sequences = 0;

  auto operator<=>(const Extent&) const = default;
};

// How the u8 codes of a quantized value come about.
struct Quantization {
  int32_t mode = DMT_QUANTIZATION_DYNAMIC_ROW;
  float scale = 1;  // DMT_QUANTIZATION_STATIC
  int32_t zero_point = 0;
};

struct Value {
  int32_t dtype = 0;
  int32_t rows = DMT_ROWS_STATIC;  // dmt_rows
  int32_t rank = 0;
  int64_t dims[DMT_MAX_RANK] = {};  // of one row; of everything for DMT_ROWS_STATIC
  bool quantized = false;           // dims is [rows][features] or [features]
  Quantization quantization;
  int32_t root = -1;               // the value that owns the memory: itself unless an alias
  const void* constant = nullptr;  // of the root; never written to
  bool is_constant = false;
  int32_t input = -1;  // of the root: its place among the inputs

  // As a matrix: dims but the last are rows, the last one is the features.
  int64_t features() const { return rank == 0 ? 1 : dims[rank - 1]; }
  int64_t matrix_rows_per_row() const;
  int64_t elements_per_row() const;
  int64_t row_count(const Extent& extent) const;
  int64_t matrix_rows(const Extent& extent) const {
    return row_count(extent) * matrix_rows_per_row();
  }

  // Bytes of memory that it needs. Fails with DMT_OUT_OF_MEMORY beyond kMaxBytes.
  int64_t bytes(const Extent& extent) const;

  // Bytes from one row to the next (not for quantized values); 0 for DMT_ROWS_STATIC.
  int64_t row_bytes() const;

  // The tensor that operators see: the row count in front, except for DMT_ROWS_STATIC.
  TensorView view(const Extent& extent, void* data) const;

  // "float32[tokens, 384]"
  std::string describe() const;
};

// No value is larger; keeps all arithmetic with sizes far from overflow.
constexpr int64_t kMaxBytes = int64_t{1} << 40;

// Where the parts of a quantized value are within its memory. Every part starts on a cache line.
struct QuantizedLayout {
  int64_t stride;      // bytes of a row of codes
  int64_t parameters;  // scales and zero points: as many as rows, or 1
  int64_t scales;      // byte offsets
  int64_t zero_points;
  int64_t bytes;
};
QuantizedLayout quantized_layout(const Value& value, const Extent& extent);

// Rows of codes are this many bytes apart, at least: a 512-bit load never leaves its row.
constexpr int64_t kCodesAlignment = 64;

// What an address of elements of this type must be a multiple of.
inline uintptr_t alignment(int32_t dtype) {
  return static_cast<uintptr_t>(element_bits(dtype) < 8 ? 1 : element_bits(dtype) / 8);
}

}  // namespace demitasse
