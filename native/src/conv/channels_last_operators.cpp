// Operators by name on channels-last tensors, where the general ones would be slow.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

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

// A scale and a zero point that were given as attributes.
QuantizationParameters code_parameters(const OperatorCall& call, double scale, int64_t zero_point) {
  const auto rounded = static_cast<float>(scale);
  if (!(rounded > 0) || !std::isfinite(rounded) || !std::isfinite(1 / rounded) || zero_point < 0 ||
      zero_point > 255) {
    reject(call, "scale %g and zero point %lld", scale, static_cast<long long>(zero_point));
  }
  return {rounded, static_cast<int32_t>(zero_point)};
}

// floats: scale; integers: zero point.
QuantizationParameters code_parameters(const OperatorCall& call) {
  require_attributes(call, 1, 1);
  return code_parameters(call, call.floats[0], call.integers[0]);
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
    float y = call.x[i];
    if (call.gates != nullptr) y *= call.gates[i % call.period];
    if (call.added != nullptr) y += call.added[i];
    if (call.codes == nullptr) {
      call.y[i] = y;
    } else {
      call.codes[i] = requantize(y, parameters);
    }
  }
}

// x [N, .., C] times gate [N, 1 .., C]: f32, or u8 codes by requantize(). integers: 1 if x is added
// to that, for codes their zero point; floats: for codes their scale.
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
  require_attributes(call, to_codes ? 2 : 1, to_codes ? 1 : 0);
  const bool added = call.integers[0] != 0;
  if (to_codes) {
    parameters = code_parameters(call, call.floats[0], call.integers[1]);
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
      if (added) part.added = part.x;
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

// a + b of one shape to u8 codes by requantize(). integers: zero point; floats: scale.
void add_to_codes(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[1];
  const TensorView& y = call.outputs[0];
  require_dtype(call, a, DMT_F32);
  require_dtype(call, b, DMT_F32);
  require_dtype(call, y, DMT_U8);
  require_same_shape(call, a, b);
  require_same_shape(call, a, y);
  const QuantizationParameters parameters = code_parameters(call);
  const Isa isa = active_isa();
  call.executor.parallel_for(a.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
    GateCall part;
    part.elements = end - begin;
    part.period = 1024;
    part.x = a.as<float>() + begin;
    part.added = b.as<float>() + begin;
    part.codes = y.as<uint8_t>() + begin;
    part.inverse_scale = 1 / parameters.scale;
    part.zero_point = parameters.zero_point;
    if (isa == Isa::scalar) {
      scalar_gate(part, parameters);
    } else {
      convolution_kernels(isa).gate(part);
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

void scalar_code_pool(const CodePoolCall& call, QuantizationParameters to) {
  for (int64_t c = 0; c < call.channels; ++c) {
    uint8_t largest = 0;
    int64_t sum = 0;
    for (int64_t i = 0; i < call.rows; ++i) {
      for (int64_t j = 0; j < call.columns; ++j) {
        const uint8_t code = call.x[i * call.row_stride + j * call.column_stride + c];
        largest = std::max(largest, code);
        sum += code;
      }
    }
    if (call.maximum) {
      call.codes[c] = largest;
      continue;
    }
    const float mean = (static_cast<float>(sum) - call.zero_sum) * call.scale;
    if (call.codes == nullptr) {
      call.to[c] = mean;
    } else {
      call.codes[c] = requantize(mean, to);
    }
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

// The windows of [N, H, W, C], and what to pass to the kernels.
class PoolWindows {
 public:
  static constexpr size_t kAttributes = 11;

  PoolWindows(const OperatorCall& call, bool maximum, int64_t own_integers, int64_t own_floats)
      : x_(call.inputs[0]), y_(call.outputs[0]) {
    if (x_.rank != 4 || y_.rank != 4 || x_.dims[0] != y_.dims[0] || x_.dims[3] != y_.dims[3]) {
      reject(call, "%s to %s", describe(x_).c_str(), describe(y_).c_str());
    }
    require_attributes(call, kAttributes + own_integers, own_floats);
    window_ = make_window(call, channels_first(x_), channels_first(y_), call.integers.data() + 1,
                          call.integers.subspan(3, 8), Rounding::either);
    maximum_ = maximum;
    count_padding_ = !maximum && call.integers[0] != 0;
    // Divisions for each column, not for each pixel.
    const WindowAxis& axis = window_.axes[2];
    columns_.resize(y_.elements() == 0 ? 0 : y_.dims[2]);
    for (size_t o = 0; o < columns_.size(); ++o) {
      columns_[o] = axis.taps(axis.start(static_cast<int64_t>(o)));
    }
  }

  // Codes in a window, at most.
  int64_t most_taps() const {
    const WindowAxis &vertical = window_.axes[1], &horizontal = window_.axes[2];
    return std::min(vertical.kernel, vertical.in) * std::min(horizontal.kernel, horizontal.in);
  }

  // Calls body(part, x, y, taps, count) for each pixel of y: `part` has its window filled in, `x`
  // and `y` are indices of elements, `taps` of `count` elements that a mean is made of exist.
  template <class Call, class Body>
  void for_each(const OperatorCall& call, const Call& all, Body&& body) const {
    if (y_.elements() == 0) return;
    const WindowAxis &vertical = window_.axes[1], &horizontal = window_.axes[2];
    const int64_t channels = x_.dims[3], width = x_.dims[2], out_width = y_.dims[2];
    const int64_t reads = std::min(std::max<int64_t>(1, window_.in_size), window_.kernel_size);
    const int64_t grain = std::max<int64_t>(1, kElementGrain / reads / (out_width * channels));
    call.executor.parallel_for(y_.dims[0] * y_.dims[1], grain, [&](int64_t begin, int64_t end) {
      Call part = all;
      part.maximum = maximum_;
      part.channels = channels;
      part.row_stride = vertical.dilation * width * channels;
      part.column_stride = horizontal.dilation * channels;
      for (int64_t line = begin; line < end; ++line) {
        int64_t o[kMaxSpatialRank] = {0, line % vertical.out, 0};
        const int64_t image = line / vertical.out * vertical.in * width * channels;
        const WindowAxis::Taps rows = vertical.taps(vertical.start(o[1]));
        const int64_t row = vertical.start(o[1]) + rows.first * vertical.dilation;
        part.rows = rows.last - rows.first;
        for (o[2] = 0; o[2] < out_width; ++o[2]) {
          const WindowAxis::Taps columns = columns_[o[2]];
          const int64_t column = horizontal.start(o[2]) + columns.first * horizontal.dilation;
          part.columns = columns.last - columns.first;
          const int64_t taps = part.rows * part.columns;
          const double count =
              count_padding_ ? padded_count(window_.axes, o) : static_cast<double>(taps);
          const int64_t first = taps == 0 ? 0 : (row * width + column) * channels;
          body(part, image + first, (line * out_width + o[2]) * channels, taps, count);
        }
      }
    });
  }

 private:
  const TensorView &x_, &y_;
  Window window_;
  bool maximum_ = false, count_padding_ = false;
  std::vector<WindowAxis::Taps> columns_;
};

void pool_floats(const OperatorCall& call, bool maximum) {
  const PoolWindows windows(call, maximum, 0, 0);
  const float* const x = call.inputs[0].as<float>();
  float* const y = call.outputs[0].as<float>();
  require_dtype(call, call.outputs[0], DMT_F32);
  const Isa isa = active_isa();
  const auto kernel = isa == Isa::scalar ? scalar_pool : convolution_kernels(isa).pool;
  windows.for_each(call, PoolCall{},
                   [&](PoolCall& part, int64_t from, int64_t to, int64_t, double count) {
                     part.x = x + from;
                     part.count = static_cast<float>(count);
                     part.to = y + to;
                     kernel(part);
                   });
}

// Maxima are codes as x has them. For means: integers end with the zero point of x, floats are its
// scale, and if codes are wanted theirs follow.
void pool_codes(const OperatorCall& call, bool maximum) {
  const TensorView& y = call.outputs[0];
  const bool to_codes = y.dtype == DMT_U8;
  if (maximum || !to_codes) require_dtype(call, y, maximum ? DMT_U8 : DMT_F32);
  const int64_t own = maximum ? 0 : to_codes ? 2 : 1;
  const PoolWindows windows(call, maximum, own, own);
  CodePoolCall all;
  QuantizationParameters from, to;
  if (!maximum) {
    const int64_t* zero_points = call.integers.data() + PoolWindows::kAttributes;
    from = code_parameters(call, call.floats[0], zero_points[0]);
    if (to_codes) {
      to = code_parameters(call, call.floats[1], zero_points[1]);
      all.inverse_scale = 1 / to.scale;
      all.zero_point = to.zero_point;
    }
    if (windows.most_taps() > CodePoolCall::kMostAveraged) {
      reject(call, "the mean of %lld codes", static_cast<long long>(windows.most_taps()));
    }
  }
  const uint8_t* const x = call.inputs[0].as<uint8_t>();
  const Isa isa = active_isa();
  windows.for_each(
      call, all, [&](CodePoolCall& part, int64_t first, int64_t at, int64_t taps, double count) {
        part.x = x + first;
        part.zero_sum = static_cast<float>(taps * from.zero_point);
        part.scale = count == 0 ? 0 : static_cast<float>(static_cast<double>(from.scale) / count);
        if (to_codes) {
          part.codes = y.as<uint8_t>() + at;
        } else {
          part.to = y.as<float>() + at;
        }
        if (isa == Isa::scalar) {
          scalar_code_pool(part, to);
        } else {
          convolution_kernels(isa).code_pool(part);
        }
      });
}

// integers: as the operator of this name without "ChannelsLast" has them. x: [N, H, W, C].
void pool(const OperatorCall& call, bool maximum) {
  require_tensors(call, 1);
  if (call.inputs[0].dtype == DMT_U8) return pool_codes(call, maximum);
  require_dtype(call, call.inputs[0], DMT_F32);
  pool_floats(call, maximum);
}

void max_pool(const OperatorCall& call) { pool(call, true); }
void average_pool(const OperatorCall& call) { pool(call, false); }

constexpr OperatorEntry kOperators[] = {
    {"ChannelsLast.Quantize", quantize},
    {"ChannelsLast.QuantizeImage", quantize_image},
    {"ChannelsLast.Add", add_to_codes},
    {"ChannelsLast.Gate", gate},
    {"ChannelsLast.GlobalAveragePool", global_average_pool},
    {"ChannelsLast.MaxPool", max_pool},
    {"ChannelsLast.AveragePool", average_pool},
};

}  // namespace

std::span<const OperatorEntry> channels_last_operators() { return kOperators; }

}  // namespace demitasse
