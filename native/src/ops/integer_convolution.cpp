// Convolutions of codes.
#include <cmath>
#include <limits>
#include <vector>

#include "core/aligned_buffer.h"
#include "ops/convolution.h"
#include "ops/dispatch.h"

namespace demitasse {
namespace {

void require_int8(const OperatorCall& call, const TensorView& tensor) {
  if (tensor.dtype != DMT_U8 && tensor.dtype != DMT_S8) fail_dtype(call, tensor.dtype);
}

template <class Body>
void dispatch_int8(int32_t dtype, Body&& body) {
  if (dtype == DMT_U8) {
    body(Type<uint8_t>{});
  } else {
    body(Type<int8_t>{});
  }
}

// One number for each of `count` channels, of which one or `count` are given; 0 for none.
std::vector<int32_t> zero_points(const OperatorCall& call, size_t input, int32_t dtype,
                                 int64_t count) {
  std::vector<int32_t> result(count, 0);
  if (!has_input(call, input)) return result;
  const TensorView& given = call.inputs[input];
  require_dtype(call, given, dtype);
  if (given.elements() != 1 && given.elements() != count) {
    reject(call, "zero points %s for %lld channels", describe(given).c_str(),
           static_cast<long long>(count));
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = given.elements() == 1 ? 0 : i;
    result[i] = dtype == DMT_U8 ? given.as<uint8_t>()[at] : given.as<int8_t>()[at];
  }
  return result;
}

std::vector<float> scales(const OperatorCall& call, size_t input, int64_t count) {
  const TensorView& given = call.inputs[input];
  require_dtype(call, given, DMT_F32);
  if (given.elements() != 1 && given.elements() != count) {
    reject(call, "scales %s for %lld channels", describe(given).c_str(),
           static_cast<long long>(count));
  }
  std::vector<float> result(count);
  for (int64_t i = 0; i < count; ++i) {
    result[i] = given.as<float>()[given.elements() == 1 ? 0 : i];
  }
  return result;
}

// sums[j] = sum over k of (w[k] - w_zero) * (columns[k][j] - x_zero); wraps around like int32.
template <class X, class W>
void sum_row(const W* w, int32_t w_zero, const X* columns, int32_t x_zero, int64_t depth,
             int64_t count, uint32_t* sums) {
  std::fill_n(sums, count, 0u);
  uint32_t total = 0;
  for (int64_t k = 0; k < depth; ++k) {
    const int32_t weight = w[k] - w_zero;
    total += static_cast<uint32_t>(weight);
    const X* row = columns + k * count;
    for (int64_t j = 0; j < count; ++j) {
      sums[j] += static_cast<uint32_t>(weight * static_cast<int32_t>(row[j]));
    }
  }
  const uint32_t correction = total * static_cast<uint32_t>(x_zero);
  for (int64_t j = 0; j < count; ++j) sums[j] -= correction;
}

// Calls row_done(output channel, offset in y, count, int32 sums) for all of y.
template <class RowDone>
void integer_convolution(const OperatorCall& call, const Convolution& plan, const TensorView& x,
                         int32_t x_zero, const TensorView& w, const std::vector<int32_t>& w_zero,
                         RowDone&& row_done) {
  const int64_t depth = plan.depth(), positions = plan.window.out_size;
  const int64_t width = positions_at_once(plan, 1, call.executor.threads());
  const int64_t tiles = (positions + width - 1) / width;
  const int64_t jobs = plan.batch * plan.groups * tiles;
  dispatch_int8(x.dtype, [&](auto x_type) {
    using X = typename decltype(x_type)::type;
    dispatch_int8(w.dtype, [&](auto w_type) {
      using W = typename decltype(w_type)::type;
      call.executor.parallel_for(jobs, 1, [&](int64_t begin, int64_t end) {
        const AlignedBuffer<X> columns(depth * width);
        std::vector<uint32_t> sums(width);
        for (int64_t job = begin; job < end; ++job) {
          const int64_t part = job / tiles;
          const int64_t first = job % tiles * width, count = std::min(width, positions - first);
          copy_columns(plan, x.as<X>() + part * plan.in_channels * plan.window.in_size, first,
                       count, static_cast<X>(x_zero), columns.data());
          for (int64_t i = 0; i < plan.out_channels; ++i) {
            const int64_t channel = part % plan.groups * plan.out_channels + i;
            sum_row(w.as<W>() + channel * depth, w_zero[channel], columns.data(), x_zero, depth,
                    count, sums.data());
            row_done(channel, (part * plan.out_channels + i) * positions + first, count,
                     sums.data());
          }
        }
      });
    });
  });
}

}  // namespace

// inputs: x, w, zero point of x or none, of w or none; integers as Conv's.
void conv_integer(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& w = call.inputs[1];
  const TensorView& y = call.outputs[0];
  require_int8(call, x);
  require_int8(call, w);
  require_dtype(call, y, DMT_S32);
  const Convolution plan = plan_convolution(call, x, w, nullptr, y);
  const int32_t x_zero = zero_points(call, 2, x.dtype, 1)[0];
  const std::vector<int32_t> w_zero = zero_points(call, 3, w.dtype, w.dims[0]);
  if (y.elements() == 0) return;
  integer_convolution(call, plan, x, x_zero, w, w_zero,
                      [&](int64_t, int64_t offset, int64_t count, const uint32_t* sums) {
                        for (int64_t i = 0; i < count; ++i) {
                          y.as<int32_t>()[offset + i] = static_cast<int32_t>(sums[i]);
                        }
                      });
}

// inputs: x, its scale and zero point, w, its scale and zero point (one or one per channel), scale
// and zero point of y, bias (s32, in units of both scales) or none; integers as Conv's.
void qlinear_conv(const OperatorCall& call) {
  require_tensors(call, 8);
  const TensorView& x = call.inputs[0];
  const TensorView& w = call.inputs[3];
  const TensorView& y = call.outputs[0];
  require_int8(call, x);
  require_int8(call, w);
  require_int8(call, y);
  const TensorView* bias = has_input(call, 8) ? &call.inputs[8] : nullptr;
  if (bias != nullptr) require_dtype(call, *bias, DMT_S32);
  const Convolution plan = plan_convolution(call, x, w, bias, y);
  const int64_t channels = w.dims[0];
  const float x_scale = scales(call, 1, 1)[0], y_scale = scales(call, 6, 1)[0];
  const std::vector<float> w_scale = scales(call, 4, channels);
  const int32_t x_zero = zero_points(call, 2, x.dtype, 1)[0];
  const std::vector<int32_t> w_zero = zero_points(call, 5, w.dtype, channels);
  const float y_zero = static_cast<float>(zero_points(call, 7, y.dtype, 1)[0]);
  if (y.elements() == 0) return;
  dispatch_int8(y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    constexpr float low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    integer_convolution(
        call, plan, x, x_zero, w, w_zero,
        [&](int64_t channel, int64_t offset, int64_t count, const uint32_t* sums) {
          const uint32_t start =
              bias == nullptr ? 0 : static_cast<uint32_t>(bias->as<int32_t>()[channel]);
          const float factor = x_scale * w_scale[channel] / y_scale;
          T* to = y.as<T>() + offset;
          for (int64_t i = 0; i < count; ++i) {
            const auto sum = static_cast<float>(static_cast<int32_t>(sums[i] + start));
            const float code = std::nearbyint(sum * factor) + y_zero;
            // The comparison is false for NaN.
            to[i] = static_cast<T>(code > low ? std::min(code, high) : low);
          }
        });
  });
}

}  // namespace demitasse
