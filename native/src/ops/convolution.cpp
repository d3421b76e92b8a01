// Convolutions. Programs of image networks use the kernels of conv/ instead: these serve every
// rank, type and layout that those do not.
#include "ops/convolution.h"

#include <cmath>
#include <vector>

#include "core/aligned_buffer.h"
#include "cpu/isa.h"
#include "gemm/linear.h"
#include "norm/rows.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"
#include "ops/registry.h"

namespace demitasse {
namespace {

// The inputs of this many bytes of one tile stay in the second-level cache.
constexpr int64_t kTileBytes = 512 * 1024;
// The width of the widest micro-kernel: narrower tiles would waste most of it.
constexpr int64_t kNarrowestTile = 48;

// What follows the sum of products: y = scale * f(sum + bias [+ residual]) + shift [+ residual].
struct ConvolutionEpilogue {
  const float* bias = nullptr;      // per output channel
  const float* residual = nullptr;  // like y
  bool residual_first = false;
  int64_t activation = DMT_ACTIVATION_NONE;
  float alpha = 0, beta = 0;
  float scale = 1, shift = 0;

  bool is_identity() const {
    return bias == nullptr && residual == nullptr && activation == DMT_ACTIVATION_NONE &&
           scale == 1 && shift == 0;
  }

  // For the elements [offset, offset + count) of y, all of one channel.
  void apply(Isa isa, int64_t channel, int64_t offset, int64_t count, float* y) const {
    if (bias != nullptr) {
      for (int64_t i = 0; i < count; ++i) y[i] += bias[channel];
    }
    if (residual != nullptr && residual_first) add(residual + offset, count, y);
    activate_row(isa, count, y);
    if (scale != 1 || shift != 0) {
      for (int64_t i = 0; i < count; ++i) y[i] = y[i] * scale + shift;
    }
    if (residual != nullptr && !residual_first) add(residual + offset, count, y);
  }

 private:
  // NaN stays what it is.
  static float clamped(float value, float least, float largest) {
    return value < least ? least : value > largest ? largest : value;
  }

  static void add(const float* from, int64_t count, float* y) {
    for (int64_t i = 0; i < count; ++i) y[i] += from[i];
  }

  void activate_row(Isa isa, int64_t count, float* y) const {
    switch (activation) {
      case DMT_ACTIVATION_NONE:
        return;
      case DMT_ACTIVATION_HARD_SIGMOID:
        for (int64_t i = 0; i < count; ++i) {
          y[i] = clamped(alpha * y[i] + beta, 0, 1);
        }
        return;
      case DMT_ACTIVATION_LEAKY_RELU:
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] < 0 ? alpha * y[i] : y[i];
        return;
      case DMT_ACTIVATION_CLIP:
        for (int64_t i = 0; i < count; ++i) y[i] = clamped(y[i], alpha, beta);
        return;
      default:
        activate(isa, static_cast<dmt_activation>(activation), y, y, count);
    }
  }
};

ConvolutionEpilogue read_epilogue(const OperatorCall& call, size_t first_integer) {
  ConvolutionEpilogue epilogue;
  if (call.integers.size() > first_integer) {
    require_attributes(call, first_integer + 2, 4);
    epilogue.activation = call.integers[first_integer];
    epilogue.residual_first = call.integers[first_integer + 1] != 0;
    epilogue.alpha = static_cast<float>(call.floats[0]);
    epilogue.beta = static_cast<float>(call.floats[1]);
    epilogue.scale = static_cast<float>(call.floats[2]);
    epilogue.shift = static_cast<float>(call.floats[3]);
  }
  if (epilogue.activation < 0 || epilogue.activation > DMT_ACTIVATION_CLIP) {
    reject(call, "there is no activation function %lld",
           static_cast<long long>(epilogue.activation));
  }
  return epilogue;
}

// One output channel of a convolution with one input channel per group.
void convolve_plane(const Window& window, const float* x, const float* w, float* y) {
  const WindowAxis& plane = window.axes[0];
  const WindowAxis& row = window.axes[1];
  const WindowAxis& column = window.axes[2];
  for (int64_t z = 0; z < plane.out; ++z) {
    const auto planes = plane.taps(plane.start(z));
    for (int64_t r = 0; r < row.out; ++r, y += column.out) {
      std::fill_n(y, column.out, 0.0f);
      const auto rows = row.taps(row.start(r));
      for (int64_t i = planes.first; i < planes.last; ++i) {
        for (int64_t j = rows.first; j < rows.last; ++j) {
          const int64_t in_z = plane.start(z) + i * plane.dilation;
          const int64_t in_y = row.start(r) + j * row.dilation;
          const float* from = x + (in_z * row.in + in_y) * column.in;
          const float* weights = w + (i * row.kernel + j) * column.kernel;
          for (int64_t k = 0; k < column.kernel; ++k) {
            const auto [low, high] = column.outputs(k, 0, column.out);
            const int64_t shift = k * column.dilation - column.pad_begin;
            const float weight = weights[k];
            for (int64_t o = low; o < high; ++o) y[o] += weight * from[o * column.stride + shift];
          }
        }
      }
    }
  }
}

void convolve_depthwise(const Convolution& plan, const float* x, const float* w, float* y,
                        const ConvolutionEpilogue& epilogue, const Executor& executor) {
  const Isa isa = active_isa();
  const Window& window = plan.window;
  const int64_t channels = plan.groups * plan.out_channels;
  const int64_t work = std::max<int64_t>(1, window.out_size * window.kernel_size);
  const int64_t grain = std::max<int64_t>(1, 2 * kElementGrain / work);
  executor.parallel_for(plan.batch * channels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t channel = i % channels;
      const int64_t source = i / channels * plan.groups + channel / plan.out_channels;
      const int64_t offset = i * window.out_size;
      convolve_plane(window, x + source * window.in_size, w + channel * window.kernel_size,
                     y + offset);
      epilogue.apply(isa, channel, offset, window.out_size, y + offset);
    }
  });
}

// True when the matrix of inputs is x itself.
bool is_pointwise(const Window& window) {
  for (const WindowAxis& axis : window.axes) {
    if (axis.kernel != 1 || axis.stride != 1 || axis.pad_begin != 0 || axis.pad_end != 0) {
      return false;
    }
  }
  return true;
}

void convolve(const Convolution& plan, const float* x, const float* w, float* y,
              const ConvolutionEpilogue& epilogue, const Executor& executor) {
  if (plan.in_channels == 1 && plan.groups > 1) {
    return convolve_depthwise(plan, x, w, y, epilogue, executor);
  }
  const Isa isa = active_isa();
  // Without input channels there is nothing to multiply: the products are zero.
  const int64_t depth = plan.depth(), in_size = plan.window.in_size;
  const int64_t positions = plan.window.out_size;
  if (depth == 0) {
    std::fill_n(y, plan.batch * plan.groups * plan.out_channels * positions, 0.0f);
  }
  const bool pointwise = is_pointwise(plan.window);
  const int64_t width = positions_at_once(plan, sizeof(float), executor.threads());
  const int64_t tiles = (positions + width - 1) / width;
  const int64_t jobs = plan.batch * plan.groups * tiles;
  executor.parallel_for(jobs, 1, [&](int64_t begin, int64_t end) {
    const AlignedBuffer<float> columns(pointwise ? 0 : depth * width);
    for (int64_t job = begin; job < end; ++job) {
      const int64_t part = job / tiles;  // of [batch][groups]
      const int64_t first = job % tiles * width, count = std::min(width, positions - first);
      const int64_t channel = part % plan.groups * plan.out_channels;
      const float* from = x + part * plan.in_channels * in_size;
      const float* weights = w + channel * depth;
      const int64_t offset = part * plan.out_channels * positions + first;
      if (depth == 0) {
        // y is zero already
      } else if (pointwise) {
        matmul_f32(isa, weights, depth, from + first, in_size, 1, y + offset, positions,
                   plan.out_channels, depth, count, serial_executor());
      } else {
        copy_columns(plan, from, first, count, 0.0f, columns.data());
        matmul_f32(isa, weights, depth, columns.data(), count, 1, y + offset, positions,
                   plan.out_channels, depth, count, serial_executor());
      }
      if (epilogue.is_identity()) continue;
      for (int64_t i = 0; i < plan.out_channels; ++i) {
        const int64_t row = offset + i * positions;
        epilogue.apply(isa, channel + i, row, count, y + row);
      }
    }
  });
}

// The same for f64, with plain loops.
void convolve_doubles(const Convolution& plan, const double* x, const double* w, const double* bias,
                      double* y, const Executor& executor) {
  const int64_t depth = plan.depth(), positions = plan.window.out_size;
  const int64_t width = positions_at_once(plan, sizeof(double), executor.threads());
  const int64_t tiles = (positions + width - 1) / width;
  const int64_t jobs = plan.batch * plan.groups * tiles;
  executor.parallel_for(jobs, 1, [&](int64_t begin, int64_t end) {
    const AlignedBuffer<double> columns(depth * width);
    for (int64_t job = begin; job < end; ++job) {
      const int64_t part = job / tiles;
      const int64_t first = job % tiles * width, count = std::min(width, positions - first);
      copy_columns(plan, x + part * plan.in_channels * plan.window.in_size, first, count, 0.0,
                   columns.data());
      for (int64_t i = 0; i < plan.out_channels; ++i) {
        const int64_t channel = part % plan.groups * plan.out_channels + i;
        double* to = y + (part * plan.out_channels + i) * positions + first;
        std::fill_n(to, count, bias == nullptr ? 0.0 : bias[channel]);
        for (int64_t k = 0; k < depth; ++k) {
          const double weight = w[channel * depth + k];
          const double* row = columns.data() + k * count;
          for (int64_t j = 0; j < count; ++j) to[j] += weight * row[j];
        }
      }
    }
  });
}

// inputs: x, w, bias or none, residual or none; integers: groups, strides, dilations, paddings in
// front, paddings behind, and perhaps: activation, residual first; floats: alpha, beta, scale,
// shift, if there is an activation.
void conv(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& w = call.inputs[1];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, w);
  require_same_dtype(call, x, y);
  const TensorView* bias = has_input(call, 2) ? &call.inputs[2] : nullptr;
  if (bias != nullptr) require_same_dtype(call, x, *bias);
  const Convolution plan = plan_convolution(call, x, w, bias, y);
  const ConvolutionEpilogue given = read_epilogue(call, 1 + 4 * (x.rank - 2));
  const TensorView* residual = has_input(call, 3) ? &call.inputs[3] : nullptr;
  if (residual != nullptr) {
    require_same_dtype(call, x, *residual);
    require_same_shape(call, y, *residual);
  }
  if (y.elements() == 0) return;
  if (x.dtype == DMT_F64) {
    if (residual != nullptr || !given.is_identity()) fail_dtype(call, x.dtype);
    return convolve_doubles(plan, x.as<double>(), w.as<double>(),
                            bias == nullptr ? nullptr : bias->as<double>(), y.as<double>(),
                            call.executor);
  }
  const TensorView nothing = TensorView{DMT_F32, 1, {0}, nullptr};
  const FloatValues values(call, x), weights(call, w), biases(call, bias ? *bias : nothing),
      added(call, residual ? *residual : nothing);
  const FloatResult result(call, y);
  ConvolutionEpilogue epilogue = given;
  epilogue.bias = bias == nullptr ? nullptr : biases.data();
  epilogue.residual = residual == nullptr ? nullptr : added.data();
  convolve(plan, values.data(), weights.data(), result.data(), epilogue, call.executor);
  result.store();
}

constexpr OperatorEntry kOperators[] = {
    {"Conv", conv},
    {"ConvTranspose", conv_transpose},
    {"ConvInteger", conv_integer},
    {"QLinearConv", qlinear_conv},
};

}  // namespace

Convolution plan_convolution(const OperatorCall& call, const TensorView& x, const TensorView& w,
                             const TensorView* bias, const TensorView& y) {
  require_attributes(call, 1);
  Convolution plan;
  plan.groups = call.integers[0];
  if (x.rank < 3 || w.rank != x.rank || y.rank != x.rank) {
    reject(call, "%s by %s to %s", describe(x).c_str(), describe(w).c_str(), describe(y).c_str());
  }
  if (plan.groups < 1 || plan.groups > w.dims[0] || x.dims[1] != plan.groups * w.dims[1] ||
      w.dims[0] % plan.groups != 0) {
    reject(call, "weights %s in %lld groups do not fit %s", describe(w).c_str(),
           static_cast<long long>(plan.groups), describe(x).c_str());
  }
  if (y.dims[0] != x.dims[0] || y.dims[1] != w.dims[0]) {
    reject(call, "%s by %s does not give %s", describe(x).c_str(), describe(w).c_str(),
           describe(y).c_str());
  }
  plan.batch = x.dims[0];
  plan.in_channels = w.dims[1];
  plan.out_channels = w.dims[0] / plan.groups;
  plan.window = make_window(call, x, y, w.dims + 2, call.integers.subspan(1), Rounding::down);
  if (bias != nullptr) {
    const int64_t expected[] = {w.dims[0]};
    require_shape(call, *bias, expected);
  }
  return plan;
}

int64_t positions_at_once(const Convolution& plan, int64_t element_bytes, int threads) {
  const int64_t positions = std::max<int64_t>(1, plan.window.out_size);
  const int64_t depth = std::max<int64_t>(1, plan.depth());
  int64_t width = kTileBytes / element_bytes / depth;
  // Enough tiles for all threads.
  const int64_t parts = std::max<int64_t>(1, plan.batch * plan.groups);
  const int64_t tiles = (threads + parts - 1) / parts;
  width = std::min(width, (positions + tiles - 1) / tiles);
  width = (width + kNarrowestTile - 1) / kNarrowestTile * kNarrowestTile;
  return std::clamp<int64_t>(width, 1, positions);
}

std::span<const OperatorEntry> convolution_operators() { return kOperators; }

}  // namespace demitasse
