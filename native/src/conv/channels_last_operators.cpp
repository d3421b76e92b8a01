// Operators by name on channels-last tensors, where the general ones would be slow.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "conv/finish.h"
#include "gemm/workspace.h"
#include "norm/row_kernels.h"
#include "ops/arguments.h"
#include "ops/registry.h"
#include "ops/window.h"
#include "quantize/parameters.h"

namespace demitasse {
namespace {

// x [N, .., C] to [N, 1 .., C], or [N, C]: the mean over all positions.
void global_average_pool(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, y, DMT_F32);
  if (x.rank < 3 || y.rank < 2 || y.dims[0] != x.dims[0] ||
      y.dims[y.rank - 1] != x.dims[x.rank - 1] || y.elements() != x.dims[0] * x.dims[x.rank - 1]) {
    reject(call, "%s to %s", describe(x).c_str(), describe(y).c_str());
  }
  const int64_t channels = x.dims[x.rank - 1];
  const int64_t positions = product(x, 1, x.rank - 1);
  constexpr int64_t kChannels = 64;
  const int64_t blocks = (channels + kChannels - 1) / kChannels;
  const Isa isa = active_isa();
  const int64_t grain = positions == 0 ? y.elements() : 1 + kElementGrain / (kChannels * positions);
  call.executor.parallel_for(x.dims[0] * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t image = block / blocks, first = block % blocks * kChannels;
      const int64_t count = std::min(kChannels, channels - first);
      const float* from = x.as<float>() + image * positions * channels + first;
      float* to = y.as<float>() + image * channels + first;
      if (isa != Isa::scalar) {
        convolution_kernels(isa).mean(from, positions, channels, count, to);
        continue;
      }
      for (int64_t c = 0; c < count; ++c) {
        double sum = 0;
        for (int64_t p = 0; p < positions; ++p) sum += from[p * channels + c];
        to[c] = static_cast<float>(sum / static_cast<double>(positions));
      }
    }
  });
}

// floats: scale; integers: zero point.
QuantizationParameters code_parameters(const OperatorCall& call) {
  require_attributes(call, 1, 1);
  const auto scale = static_cast<float>(call.floats[0]);
  const int64_t zero_point = call.integers[0];
  if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(1 / scale) || zero_point < 0 ||
      zero_point > 255) {
    reject(call, "scale %g and zero point %lld", call.floats[0],
           static_cast<long long>(zero_point));
  }
  return {scale, static_cast<int32_t>(zero_point)};
}

// f32 to u8 codes of the same shape.
void quantize(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, y, DMT_U8);
  require_same_shape(call, x, y);
  const QuantizationParameters parameters = code_parameters(call);
  const RowKernels& kernels = row_kernels(active_isa());
  call.executor.parallel_for(x.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
    kernels.codes(x.as<float>() + begin, end - begin, parameters.scale, parameters.zero_point,
                  y.as<uint8_t>() + begin);
  });
}

// Planes [C][count] to pixels [count][C].
template <int C>
void interleave(const uint8_t* planes, int64_t count, uint8_t* pixels) {
  for (int64_t i = 0; i < count; ++i) {
    for (int c = 0; c < C; ++c) pixels[i * C + c] = planes[c * count + i];
  }
}

void interleave(const uint8_t* planes, int64_t channels, int64_t count, uint8_t* pixels) {
  if (channels == 2) return interleave<2>(planes, count, pixels);
  if (channels == 3) return interleave<3>(planes, count, pixels);
  if (channels == 4) return interleave<4>(planes, count, pixels);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < count; ++i) pixels[i * channels + c] = planes[c * count + i];
  }
}

// f32 [N, C, ..] to u8 codes [N, .., C]: images as they come, without floats in between.
void quantize_image(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, y, DMT_U8);
  bool moved =
      x.rank >= 2 && y.rank == x.rank && y.dims[0] == x.dims[0] && y.dims[y.rank - 1] == x.dims[1];
  for (int i = 2; moved && i < x.rank; ++i) moved = y.dims[i - 1] == x.dims[i];
  if (!moved) reject(call, "%s to %s", describe(x).c_str(), describe(y).c_str());
  const QuantizationParameters parameters = code_parameters(call);
  if (x.elements() == 0) return;
  const RowKernels& kernels = row_kernels(active_isa());
  const int64_t channels = x.dims[1];
  const int64_t positions = product(x, 2, x.rank);
  // Codes of a block of pixels wait in L1.
  const int64_t block = std::clamp<int64_t>((8 << 10) / channels / 16 * 16, 16, 1024);
  const int64_t blocks = (positions + block - 1) / block;
  const int64_t grain = 1 + kElementGrain / (block * channels);
  call.executor.parallel_for(x.dims[0] * blocks, grain, [&](int64_t begin, int64_t end) {
    uint8_t* planes = nullptr;
    const Workspace memory([&](Workspace& work) { work.piece(planes, block * channels); });
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / blocks, first = i % blocks * block;
      const int64_t count = std::min(block, positions - first);
      for (int64_t c = 0; c < channels; ++c) {
        kernels.codes(x.as<float>() + (image * channels + c) * positions + first, count,
                      parameters.scale, parameters.zero_point, planes + c * count);
      }
      interleave(planes, channels, count, y.as<uint8_t>() + (image * positions + first) * channels);
    }
  });
}

void scalar_gate(const GateCall& call, QuantizationParameters parameters) {
  for (int64_t i = 0; i < call.elements; ++i) {
    const float y = call.x[i] * call.gates[i % call.period];
    if (call.codes == nullptr) {
      call.y[i] = y;
    } else {
      call.codes[i] = requantize(y, parameters);
    }
  }
}

// x [N, .., C] times gate [N, 1 .., C]: f32, or u8 codes by requantize().
void gate(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& x = call.inputs[0];
  const TensorView& gates = call.inputs[1];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, gates, DMT_F32);
  require_same_shape(call, x, y);
  if (x.rank < 2 || gates.rank < 2 || gates.dims[0] != x.dims[0] ||
      gates.dims[gates.rank - 1] != x.dims[x.rank - 1] ||
      gates.elements() != x.dims[0] * x.dims[x.rank - 1]) {
    reject(call, "%s times %s", describe(x).c_str(), describe(gates).c_str());
  }
  GateCall all;
  const bool to_codes = y.dtype == DMT_U8;
  QuantizationParameters parameters;
  if (to_codes) {
    parameters = code_parameters(call);
    all.inverse_scale = 1 / parameters.scale;
    all.zero_point = parameters.zero_point;
  } else {
    require_dtype(call, y, DMT_F32);
  }
  if (x.elements() == 0) return;
  constexpr int64_t kVector = 16;
  const int64_t channels = x.dims[x.rank - 1];
  const int64_t image = x.elements() / x.dims[0];
  all.period = std::min(std::lcm(channels, kVector), (image + kVector - 1) / kVector * kVector);
  // A task is some periods of one image.
  const int64_t task = (1 + kElementGrain / all.period) * all.period;
  const int64_t tasks = (image + task - 1) / task;
  const Isa isa = active_isa();
  call.executor.parallel_for(x.dims[0] * tasks, 1, [&](int64_t begin, int64_t end) {
    float* repeated = nullptr;
    const Workspace memory([&](Workspace& workspace) { workspace.piece(repeated, all.period); });
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / tasks, within = i % tasks * task;
      if (i == begin || i % tasks == 0) {
        const float* from = gates.as<float>() + n * channels;
        for (int64_t at = 0; at < all.period; at += channels) {
          std::copy_n(from, std::min(channels, all.period - at), repeated + at);
        }
      }
      GateCall part = all;
      part.elements = std::min(task, image - within);
      part.gates = repeated;
      part.x = x.as<float>() + n * image + within;
      if (to_codes) {
        part.codes = y.as<uint8_t>() + n * image + within;
      } else {
        part.y = y.as<float>() + n * image + within;
      }
      if (isa == Isa::scalar) {
        scalar_gate(part, parameters);
      } else {
        convolution_kernels(isa).gate(part);
      }
    }
  });
}

void scalar_pool(const PoolCall& call) {
  for (int64_t c = 0; c < call.channels; ++c) {
    float largest = -__builtin_inff();
    double sum = 0;
    for (int64_t i = 0; i < call.rows; ++i) {
      for (int64_t j = 0; j < call.columns; ++j) {
        const float value = call.x[i * call.row_stride + j * call.column_stride + c];
        if (value > largest || value != value) largest = value;
        sum += value;
      }
    }
    const double mean = call.count == 0 ? 0 : sum / static_cast<double>(call.count);
    call.to[c] = call.maximum ? largest : static_cast<float>(mean);
  }
}

// [N, H, W, C] as [N, C, H, W].
TensorView channels_first(const TensorView& tensor) {
  TensorView moved = tensor;
  moved.dims[1] = tensor.dims[3];
  moved.dims[2] = tensor.dims[1];
  moved.dims[3] = tensor.dims[2];
  return moved;
}

// integers: as the operator of this name without "ChannelsLast" has them. x: [N, H, W, C].
void pool(const OperatorCall& call, bool maximum) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, y, DMT_F32);
  if (x.rank != 4 || y.rank != 4 || x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3]) {
    reject(call, "%s to %s", describe(x).c_str(), describe(y).c_str());
  }
  require_attributes(call, 11);
  const Window window =
      make_window(call, channels_first(x), channels_first(y), call.integers.data() + 1,
                  call.integers.subspan(3), Rounding::either);
  const WindowAxis* axes = window.axes;
  const WindowAxis &vertical = axes[1], &horizontal = axes[2];
  const bool count_padding = !maximum && call.integers[0] != 0;
  const int64_t channels = x.dims[3], width = x.dims[2], out_width = y.dims[2];
  const int64_t lines = y.dims[0] * y.dims[1];
  if (y.elements() == 0) return;
  const int64_t reads = std::min(std::max<int64_t>(1, window.in_size), window.kernel_size);
  const int64_t grain = std::max<int64_t>(1, kElementGrain / reads / (out_width * channels));
  const Isa isa = active_isa();
  call.executor.parallel_for(lines, grain, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      int64_t o[kMaxSpatialRank] = {0, line % vertical.out, 0};
      const float* image = x.as<float>() + line / vertical.out * vertical.in * width * channels;
      const WindowAxis::Taps rows = vertical.taps(vertical.start(o[1]));
      PoolCall part;
      part.maximum = maximum;
      part.channels = channels;
      part.rows = rows.last - rows.first;
      part.row_stride = vertical.dilation * width * channels;
      part.column_stride = horizontal.dilation * channels;
      for (o[2] = 0; o[2] < out_width; ++o[2]) {
        const WindowAxis::Taps columns = horizontal.taps(horizontal.start(o[2]));
        part.columns = columns.last - columns.first;
        const int64_t row = vertical.start(o[1]) + rows.first * vertical.dilation;
        const int64_t column = horizontal.start(o[2]) + columns.first * horizontal.dilation;
        const bool nothing = part.rows == 0 || part.columns == 0;
        part.x = nothing ? image : image + (row * width + column) * channels;
        part.count = static_cast<float>(count_padding ? padded_count(axes, o)
                                                      : static_cast<double>(part.rows) *
                                                            static_cast<double>(part.columns));
        part.to = y.as<float>() + (line * out_width + o[2]) * channels;
        if (isa == Isa::scalar) {
          scalar_pool(part);
        } else {
          convolution_kernels(isa).pool(part);
        }
      }
    }
  });
}

void max_pool(const OperatorCall& call) { pool(call, true); }
void average_pool(const OperatorCall& call) { pool(call, false); }

constexpr OperatorEntry kOperators[] = {
    {"ChannelsLast.Quantize", quantize}, {"ChannelsLast.QuantizeImage", quantize_image},
    {"ChannelsLast.Gate", gate},         {"ChannelsLast.GlobalAveragePool", global_average_pool},
    {"ChannelsLast.MaxPool", max_pool},  {"ChannelsLast.AveragePool", average_pool},
};

}  // namespace

std::span<const OperatorEntry> channels_last_operators() { return kOperators; }

}  // namespace demitasse
