// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
#include <cmath>
#include <vector>

#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/broadcast.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "ops/small_floats.h"
#include "ops/wide_elements.h"
#include "quantize/parameters.h"

namespace demitasse {
namespace {

struct CodeRange {
  int64_t low, high;
};

CodeRange code_range(const OperatorCall& call, int32_t dtype) {
  switch (dtype) {
    case DMT_U8:
      return {0, 255};
    case DMT_S8:
      return {-128, 127};
    case DMT_U16:
      return {0, 65535};
    case DMT_S16:
      return {-32768, 32767};
    case DMT_U4:
      return {0, 15};
    case DMT_S4:
      return {-8, 7};
    case DMT_U2:
      return {0, 3};
    case DMT_S2:
      return {-2, 1};
    default:
      fail_dtype(call, dtype);
  }
}

// Scales and zero points as numbers, with a shape that broadcasts to the tensor they belong to.
struct Parameters {
  std::vector<double> scales;
  std::vector<double> zero_points;  // as many; integers are exact in a double
  TensorView shape;                 // data is not set

  double scale(int64_t index) const { return scales[static_cast<size_t>(index)]; }
  double zero_point(int64_t index) const { return zero_points[static_cast<size_t>(index)]; }
};

std::vector<double> numbers(const OperatorCall& call, const TensorView& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  if (!values.empty()) {
    load_reals(call, tensor.dtype, tensor.data, 0, tensor.elements(), values.data());
  }
  return values;
}

[[noreturn]] void fail_parameters(const OperatorCall& call, const TensorView& x,
                                  const TensorView& parameter) {
  fail(DMT_INVALID_ARGUMENT, "%s: parameter %s does not fit %s along the axis",
       std::string(call.name).c_str(), describe(parameter).c_str(), describe(x).c_str());
}

// Repeats each value of a blocked parameter for the elements of its block, so that it has x's
// shape.
std::vector<double> unblocked(const std::vector<double>& values, const AxisView& x, int64_t blocks,
                              int64_t block) {
  std::vector<double> repeated;
  repeated.reserve(static_cast<size_t>(x.outer * x.size * x.inner));
  for (int64_t outer = 0; outer < x.outer; ++outer) {
    for (int64_t i = 0; i < x.size; ++i) {
      const double* from = values.data() + (outer * blocks + i / block) * x.inner;
      repeated.insert(repeated.end(), from, from + x.inner);
    }
  }
  return repeated;
}

// integers: axis, block size (0: none), as the operators have them.
Parameters parameters(const OperatorCall& call) {
  require_attributes(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& scale = call.inputs[1];
  const int64_t block = call.integers[1];
  Parameters result;
  result.scales = numbers(call, scale);
  if (has_input(call, 2)) {
    if (call.inputs[2].elements() != scale.elements()) {
      fail_parameters(call, scale, call.inputs[2]);
    }
    result.zero_points = numbers(call, call.inputs[2]);
  } else {
    result.zero_points.assign(result.scales.size(), 0);
  }
  result.shape.dtype = scale.dtype;
  if (block == 0 && scale.rank <= 1 && scale.elements() == 1) return result;  // per tensor

  const int32_t axis = checked_axis(call, call.integers[0], x.rank);
  const AxisView around = around_axis(x, axis);
  if (block == 0) {  // per axis
    if (scale.rank != 1 || scale.dims[0] != around.size) fail_parameters(call, x, scale);
    result.shape.rank = x.rank - axis;
    for (int32_t i = 0; i < result.shape.rank; ++i) result.shape.dims[i] = 1;
    result.shape.dims[0] = around.size;
    return result;
  }
  const int64_t blocks = block < 0 ? -1 : around.size / block + (around.size % block != 0);
  bool fits = block > 0 && scale.rank == x.rank;
  for (int32_t i = 0; fits && i < x.rank; ++i) {
    fits = scale.dims[i] == (i == axis ? blocks : x.dims[i]);
  }
  if (!fits) fail_parameters(call, x, scale);
  result.shape = x;
  if (x.elements() == 0) return result;
  result.scales = unblocked(result.scales, around, blocks, block);
  result.zero_points = unblocked(result.zero_points, around, blocks, block);
  return result;
}

const Executor& executor_for(const OperatorCall& call, const TensorView& y) {
  return writes_independently(y.dtype) ? call.executor : serial_executor();
}

// Calls body(first, parameter, parameter_step, count) for pieces of x of at most kPiece elements.
template <class Body>
void for_each_piece(const OperatorCall& call, const Parameters& parameters, Body&& body) {
  const TensorView& y = call.outputs[0];
  const auto plan = make_broadcast(call, y, parameters.shape);
  const int64_t step = plan.row_step(0);
  for_each_row(plan, executor_for(call, y), kElementGrain / 4,
               [&](int64_t first, const auto& offsets, int64_t count) {
                 for (int64_t done = 0; done < count; done += kPiece) {
                   body(first + done, offsets[0] + done * step, step,
                        std::min(kPiece, count - done));
                 }
               });
}

// One scale and zero point for u8 codes of f32: the kernel that dynamic quantization uses too.
void quantize_f32_to_u8(const OperatorCall& call, float scale, int32_t zero_point) {
  const float* x = call.inputs[0].as<float>();
  uint8_t* y = call.outputs[0].as<uint8_t>();
  call.executor.parallel_for(call.outputs[0].elements(), kElementGrain,
                             [&](int64_t begin, int64_t end) {
                               QuantizedRows rows;
                               rows.codes = y + begin;
                               rows.stride = end - begin;
                               rows.scales = &scale;
                               rows.zero_points = &zero_point;
                               rows.parameter_step = 0;
                               quantize_rows(active_isa(), x + begin, end - begin, end - begin, 1,
                                             Requantize::given, rows, serial_executor());
                             });
}

// y = saturate(round_half_even(x / scale) + zero_point). Inputs: x, scale, zero point (or none).
// integers: axis, block size, saturate (for 8-bit floating codes).
void quantize_linear(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 3);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_shape(call, x, y);
  if (has_input(call, 2)) require_same_dtype(call, call.inputs[2], y);
  const Parameters p = parameters(call);
  if (x.dtype == DMT_F32 && y.dtype == DMT_U8 && p.shape.rank == 0 && p.scale(0) > 0 &&
      std::isfinite(p.scale(0))) {
    return quantize_f32_to_u8(call, static_cast<float>(p.scale(0)),
                              static_cast<int32_t>(p.zero_point(0)));
  }
  const bool floating = small_float(y.dtype) != nullptr;
  const bool saturate = call.integers[2] != 0;
  const CodeRange range = floating ? CodeRange{0, 0} : code_range(call, y.dtype);
  for_each_piece(call, p, [&](int64_t first, int64_t parameter, int64_t step, int64_t count) {
    double values[kPiece];
    load_reals(call, x.dtype, x.data, first, count, values);
    for (int64_t i = 0; i < count; ++i) {
      const float scaled =
          static_cast<float>(values[i]) / static_cast<float>(p.scale(parameter + i * step));
      values[i] = scaled;
      if (floating) continue;
      const double code = std::nearbyint(values[i]) + p.zero_point(parameter + i * step);
      values[i] = code != code ? p.zero_point(parameter + i * step)
                               : std::min(std::max(code, static_cast<double>(range.low)),
                                          static_cast<double>(range.high));
    }
    store_reals(call, y.dtype, y.data, first, count, values, saturate);
  });
}

// y = (x - zero_point) * scale. Inputs and integers as above, without saturate.
void dequantize_linear(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_shape(call, x, y);
  if (has_input(call, 2)) require_same_dtype(call, call.inputs[2], x);
  const Parameters p = parameters(call);
  for_each_piece(call, p, [&](int64_t first, int64_t parameter, int64_t step, int64_t count) {
    double values[kPiece];
    load_reals(call, x.dtype, x.data, first, count, values);
    for (int64_t i = 0; i < count; ++i) {
      const float difference = static_cast<float>(values[i] - p.zero_point(parameter + i * step));
      values[i] = difference * static_cast<float>(p.scale(parameter + i * step));
    }
    store_reals(call, y.dtype, y.data, first, count, values);
  });
}

// Inputs: x f32. Outputs: codes u8, scale f32, zero point u8, over the whole tensor.
void dynamic_quantize_linear(const OperatorCall& call) {
  require_tensors(call, 1, 3);
  const TensorView& x = call.inputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, call.outputs[0], DMT_U8);
  require_dtype(call, call.outputs[1], DMT_F32);
  require_dtype(call, call.outputs[2], DMT_U8);
  require_same_shape(call, x, call.outputs[0]);
  if (call.outputs[1].elements() != 1 || call.outputs[2].elements() != 1) {
    fail(DMT_INVALID_ARGUMENT, "DynamicQuantizeLinear: scale and zero point are scalars");
  }
  int32_t zero_point = 0;
  QuantizedRows rows;
  rows.codes = call.outputs[0].as<uint8_t>();
  rows.scales = call.outputs[1].as<float>();
  rows.zero_points = &zero_point;
  rows.parameter_step = 0;
  // Rows are only how the work is cut: any factor of the element count will do.
  const int64_t features = x.rank == 0 ? 1 : x.dims[x.rank - 1];
  rows.stride = features;
  quantize_tensor(active_isa(), x.as<float>(), features,
                  features == 0 ? 0 : x.elements() / features, rows, call.executor);
  *call.outputs[2].as<uint8_t>() = static_cast<uint8_t>(zero_point);
}

constexpr OperatorEntry kOperators[] = {
    {"QuantizeLinear", quantize_linear},
    {"DequantizeLinear", dequantize_linear},
    {"DynamicQuantizeLinear", dynamic_quantize_linear},
};

}  // namespace

std::span<const OperatorEntry> quantization_operators() { return kOperators; }

}  // namespace demitasse
