#include "program/operation.h"

namespace demitasse {

TensorView Frame::tensor(int32_t id) const {
  return id < 0 ? TensorView{} : values_[id].view(extent_, address(id));
}

QuantizedRows Frame::quantized(int32_t id) const {
  if (id < 0) return {};
  const Value& value = values_[id];
  const QuantizedLayout layout = quantized_layout(value, extent_);
  auto* base = static_cast<uint8_t*>(address(id));
  QuantizedRows rows;
  rows.codes = base;
  rows.stride = layout.stride;
  rows.scales = reinterpret_cast<float*>(base + layout.scales);
  rows.zero_points = reinterpret_cast<int32_t*>(base + layout.zero_points);
  rows.parameter_step = value.quantization.mode == DMT_QUANTIZATION_DYNAMIC_ROW ? 1 : 0;
  if (value.quantization.mode == DMT_QUANTIZATION_STATIC) {
    rows.scales[0] = value.quantization.scale;
    rows.zero_points[0] = value.quantization.zero_point;
  }
  return rows;
}

Sequences::Sequences(int64_t rows, int64_t length) {
  fixed_.reserve(static_cast<size_t>(rows / length) + 1);
  for (int64_t row = 0; row <= rows; row += length) fixed_.push_back(row);
}

}  // namespace demitasse
