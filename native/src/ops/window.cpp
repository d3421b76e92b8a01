#include "ops/window.h"

#include "core/error.h"

namespace demitasse {
namespace {

constexpr int64_t kLargestParameter = INT32_MAX;

void check_parameter(const OperatorCall& call, const char* what, int32_t axis, int64_t value,
                     int64_t least) {
  if (value < least || value > kLargestParameter) {
    reject(call, "%s %lld of spatial axis %d is outside %lld..%lld", what,
           static_cast<long long>(value), axis, static_cast<long long>(least),
           static_cast<long long>(kLargestParameter));
  }
}

void check_output(const OperatorCall& call, const TensorView& in, const TensorView& out,
                  const WindowAxis& axis, Rounding rounding) {
  if (rounding == Rounding::unchecked) return;
  const bool may_round_up = rounding == Rounding::either;
  const int64_t extent = (axis.kernel - 1) * axis.dilation + 1;
  const int64_t room = axis.in + axis.pad_begin + axis.pad_end - extent;
  const int64_t down = room < 0 ? 0 : room / axis.stride + 1;
  const int64_t up = room < 0 ? (may_round_up ? 1 : 0) : (room + axis.stride - 1) / axis.stride + 1;
  if (axis.out != down && !(may_round_up && axis.out == up)) {
    reject(call, "a window of %lld with step %lld and padding %lld, %lld does not turn %s into %s",
           static_cast<long long>(extent), static_cast<long long>(axis.stride),
           static_cast<long long>(axis.pad_begin), static_cast<long long>(axis.pad_end),
           describe(in).c_str(), describe(out).c_str());
  }
}

}  // namespace

Window make_window(const OperatorCall& call, const TensorView& in, const TensorView& out,
                   const int64_t* kernel, std::span<const int64_t> integers, Rounding rounding) {
  const int32_t rank = in.rank - 2;
  if (rank < 1 || rank > kMaxSpatialRank || out.rank != in.rank) {
    fail(DMT_UNSUPPORTED, "%s: %s to %s; one to three spatial axes are supported",
         std::string(call.name).c_str(), describe(in).c_str(), describe(out).c_str());
  }
  if (integers.size() < static_cast<size_t>(4 * rank)) {
    reject(call, "%zu integers for %d spatial axes", integers.size(), rank);
  }
  Window window;
  for (int32_t i = 0; i < rank; ++i) {
    WindowAxis& axis = window.axes[kMaxSpatialRank - rank + i];
    axis.in = in.dims[i + 2];
    axis.out = out.dims[i + 2];
    axis.kernel = kernel[i];
    axis.stride = integers[i];
    axis.dilation = integers[rank + i];
    axis.pad_begin = integers[2 * rank + i];
    axis.pad_end = integers[3 * rank + i];
    check_parameter(call, "kernel", i, axis.kernel, 1);
    check_parameter(call, "stride", i, axis.stride, 1);
    check_parameter(call, "dilation", i, axis.dilation, 1);
    check_parameter(call, "padding", i, axis.pad_begin, 0);
    check_parameter(call, "padding", i, axis.pad_end, 0);
    check_output(call, in, out, axis, rounding);
    window.in_size *= axis.in;
    window.out_size *= axis.out;
    // Saturates: pooling windows may be larger than any memory.
    if (__builtin_mul_overflow(window.kernel_size, axis.kernel, &window.kernel_size)) {
      window.kernel_size = INT64_MAX;
    }
  }
  return window;
}

double padded_count(const WindowAxis* axes, const int64_t* o) {
  double count = 1;
  for (int32_t i = 0; i < kMaxSpatialRank; ++i) {
    const int64_t start = axes[i].start(o[i]) + axes[i].pad_begin;
    const auto taps = axes[i].taps_below(start, axes[i].in + axes[i].pad_begin + axes[i].pad_end);
    count *= static_cast<double>(taps.last - taps.first);
  }
  return count;
}

}  // namespace demitasse
