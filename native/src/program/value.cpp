#include "program/value.h"

#include "core/error.h"

namespace demitasse {
namespace {

int64_t round_up(int64_t number, int64_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

int64_t checked_product(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product > kMaxBytes) {
    fail(DMT_OUT_OF_MEMORY, "a value of %lld x %lld bytes is too large", ll(a), ll(b));
  }
  return product;
}

}  // namespace

int64_t Value::matrix_rows_per_row() const {
  int64_t count = 1;
  for (int32_t i = 0; i + 1 < rank; ++i) count *= dims[i];
  return count;
}

int64_t Value::elements_per_row() const {
  int64_t count = 1;
  for (int32_t i = 0; i < rank; ++i) count *= dims[i];
  return count;
}

int64_t Value::row_count(const Extent& extent) const {
  switch (rows) {
    case DMT_ROWS_TOKENS:
      return extent.tokens;
    case DMT_ROWS_SEQUENCES:
      return extent.sequences;
    default:
      return 1;
  }
}

int64_t Value::row_bytes() const {
  return rows == DMT_ROWS_STATIC ? 0 : (elements_per_row() * element_bits(dtype) + 7) / 8;
}

int64_t Value::bytes(const Extent& extent) const {
  if (quantized) return quantized_layout(*this, extent).bytes;
  return checked_product((elements_per_row() * element_bits(dtype) + 7) / 8, row_count(extent));
}

TensorView Value::view(const Extent& extent, void* data) const {
  TensorView view;
  view.dtype = dtype;
  view.data = data;
  if (rows != DMT_ROWS_STATIC) view.dims[view.rank++] = row_count(extent);
  for (int32_t i = 0; i < rank; ++i) view.dims[view.rank++] = dims[i];
  return view;
}

QuantizedLayout quantized_layout(const Value& value, const Extent& extent) {
  QuantizedLayout layout;
  const int64_t rows = checked_product(value.matrix_rows_per_row(), value.row_count(extent));
  layout.stride = round_up(value.features(), kCodesAlignment);
  layout.parameters = value.quantization.mode == DMT_QUANTIZATION_DYNAMIC_ROW ? rows : 1;
  layout.scales = checked_product(rows, layout.stride);
  layout.zero_points = layout.scales + round_up(layout.parameters * 4, 64);
  layout.bytes = layout.zero_points + round_up(layout.parameters * 4, 64);
  return layout;
}

std::string Value::describe() const {
  std::string text = quantized ? "quantized" : dtype_name(dtype);
  text += '[';
  if (rows == DMT_ROWS_TOKENS) text += "tokens";
  if (rows == DMT_ROWS_SEQUENCES) text += "sequences";
  for (int32_t i = 0; i < rank; ++i) {
    if (text.back() != '[') text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + ']';
}

}  // namespace demitasse
