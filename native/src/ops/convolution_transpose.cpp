// Transposed convolution: the product of weights and inputs, added up where its windows overlap.
#include <vector>

#include "core/aligned_buffer.h"
#include "cpu/isa.h"
#include "gemm/linear.h"
#include "ops/convolution.h"
#include "ops/float_values.h"
#include "ops/strided_copy.h"

namespace demitasse {
namespace {

constexpr int64_t kTileFloats = 128 * 1024;
constexpr int64_t kNarrowestTile = 48;

// The window's "in" are the outputs y and its "out" the inputs x: each x spreads over a window of
// y.
struct Transposed {
  int64_t batch = 0, groups = 1, in_channels = 0, out_channels = 0;  // channels of one group
  Window window;
};

Transposed plan_transposed(const OperatorCall& call, const TensorView& x, const TensorView& w,
                           const TensorView& y) {
  require_attributes(call, 1);
  Transposed plan;
  plan.groups = call.integers[0];
  if (x.rank < 3 || w.rank != x.rank || y.rank != x.rank) {
    reject(call, "%s by %s to %s", describe(x).c_str(), describe(w).c_str(), describe(y).c_str());
  }
  if (plan.groups < 1 || plan.groups > std::max<int64_t>(1, w.dims[0]) ||
      w.dims[0] % plan.groups != 0 || x.dims[1] != w.dims[0]) {
    reject(call, "weights %s in %lld groups do not fit %s", describe(w).c_str(),
           static_cast<long long>(plan.groups), describe(x).c_str());
  }
  if (y.dims[0] != x.dims[0] || y.dims[1] != plan.groups * w.dims[1]) {
    reject(call, "%s by %s does not give %s", describe(x).c_str(), describe(w).c_str(),
           describe(y).c_str());
  }
  plan.batch = x.dims[0];
  plan.in_channels = w.dims[0] / plan.groups;
  plan.out_channels = w.dims[1];
  plan.window = make_window(call, y, x, w.dims + 2, call.integers.subspan(1), Rounding::unchecked);
  return plan;
}

// Adds the products of one tap with the x at [first, first + count) to one channel of y.
void add_tap(const Window& window, const int64_t* tap, int64_t first, int64_t count,
             const float* products, float* channel) {
  const WindowAxis& plane = window.axes[0];
  const WindowAxis& row = window.axes[1];
  const WindowAxis& column = window.axes[2];
  const int64_t shift = tap[2] * column.dilation - column.pad_begin;
  int64_t x = first % column.out;
  int64_t y = first / column.out % row.out;
  int64_t z = first / column.out / row.out;
  while (count > 0) {
    const int64_t end = std::min(column.out, x + count);
    const int64_t to_z = plane.start(z) + tap[0] * plane.dilation;
    const int64_t to_y = row.start(y) + tap[1] * row.dilation;
    if (to_z >= 0 && to_z < plane.in && to_y >= 0 && to_y < row.in) {
      float* to = channel + (to_z * row.in + to_y) * column.in;
      const auto [low, high] = column.outputs(tap[2], x, end);
      for (int64_t i = low; i < high; ++i) to[i * column.stride + shift] += products[i - x];
    }
    products += end - x;
    count -= end - x;
    x = 0;
    if (++y == row.out) {
      y = 0;
      ++z;
    }
  }
}

// products: [kernel][count].
void add_taps(const Window& window, int64_t first, int64_t count, const float* products,
              float* channel) {
  int64_t tap[kMaxSpatialRank];
  for (tap[0] = 0; tap[0] < window.axes[0].kernel; ++tap[0]) {
    for (tap[1] = 0; tap[1] < window.axes[1].kernel; ++tap[1]) {
      for (tap[2] = 0; tap[2] < window.axes[2].kernel; ++tap[2], products += count) {
        add_tap(window, tap, first, count, products, channel);
      }
    }
  }
}

// w: [groups][out_channels * kernel][in_channels].
void run_transposed(const Transposed& plan, const float* x, const float* w, const float* bias,
                    float* y, const Executor& executor) {
  const Isa isa = active_isa();
  const int64_t kernel = plan.window.kernel_size;
  const int64_t positions = plan.window.out_size, size = plan.window.in_size;
  const int64_t width = std::clamp<int64_t>(std::max<int64_t>(kNarrowestTile, kTileFloats / kernel),
                                            1, std::max<int64_t>(1, positions));
  int64_t block = std::clamp<int64_t>(kTileFloats / (kernel * width), 1, plan.out_channels);
  const int64_t parts = plan.batch * plan.groups;
  if (parts < executor.threads()) {
    const int64_t blocks = (executor.threads() + parts - 1) / parts;
    block = std::min(block, (plan.out_channels + blocks - 1) / blocks);
  }
  const int64_t blocks = (plan.out_channels + block - 1) / block;
  const bool any = plan.in_channels > 0;
  executor.parallel_for(parts * blocks, 1, [&](int64_t begin, int64_t end) {
    const AlignedBuffer<float> products(any ? block * kernel * width : 0);
    for (int64_t job = begin; job < end; ++job) {
      const int64_t part = job / blocks, group = part % plan.groups;
      const int64_t low = job % blocks * block;
      const int64_t channels = std::min(block, plan.out_channels - low);
      float* to = y + (part * plan.out_channels + low) * size;
      for (int64_t i = 0; i < channels; ++i) {
        const float start = bias == nullptr ? 0.0f : bias[group * plan.out_channels + low + i];
        std::fill_n(to + i * size, size, start);
      }
      if (!any) continue;
      const float* weights = w + (group * plan.out_channels + low) * kernel * plan.in_channels;
      const float* from = x + part * plan.in_channels * positions;
      for (int64_t first = 0; first < positions; first += width) {
        const int64_t count = std::min(width, positions - first);
        matmul_f32(isa, weights, plan.in_channels, from + first, positions, 1, products.data(),
                   count, channels * kernel, plan.in_channels, count, serial_executor());
        for (int64_t i = 0; i < channels; ++i) {
          add_taps(plan.window, first, count, products.data() + i * kernel * count, to + i * size);
        }
      }
    }
  });
}

}  // namespace

// inputs: x [N, C, ..], w [C, M / groups, kernel ..], bias or none; integers: groups, strides,
// dilations, paddings in front, paddings behind. The output may be longer than the windows reach.
void conv_transpose(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& w = call.inputs[1];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, w);
  require_same_dtype(call, x, y);
  const Transposed plan = plan_transposed(call, x, w, y);
  if (has_input(call, 2)) {
    require_same_dtype(call, x, call.inputs[2]);
    const int64_t expected[] = {y.dims[1]};
    require_shape(call, call.inputs[2], expected);
  }
  if (y.elements() == 0) return;
  const TensorView nothing = TensorView{DMT_F32, 1, {0}, nullptr};
  const bool biased = has_input(call, 2);
  const FloatValues values(call, x), weights(call, w),
      bias(call, biased ? call.inputs[2] : nothing);
  const FloatResult result(call, y);
  const AlignedBuffer<float> rows(w.elements());
  const int64_t outputs = plan.out_channels * plan.window.kernel_size;
  StridedView view;
  view.add(plan.groups, plan.in_channels * outputs);
  view.add(outputs, 1);
  view.add(plan.in_channels, outputs);
  strided_copy(view, sizeof(float), weights.data(), rows.data(), call.executor);
  run_transposed(plan, values.data(), rows.data(), biased ? bias.data() : nullptr, result.data(),
                 call.executor);
  result.store();
}

}  // namespace demitasse
