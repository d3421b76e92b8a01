// Normalizations over channels, groups and axes.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "cpu/isa.h"
#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/attention_operator.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"
#include "ops/layer_normalization.h"
#include "ops/registry.h"
#include "ops/softmax.h"

namespace demitasse {
namespace {

void require_like(const OperatorCall& call) {
  require_tensors(call, 1);
  require_same_dtype(call, call.inputs[0], call.outputs[0]);
  require_same_shape(call, call.inputs[0], call.outputs[0]);
}

// The tensor as [N][channels][inner].
AxisView around_channels(const OperatorCall& call) {
  const TensorView& x = call.inputs[0];
  if (x.rank < 2) reject(call, "needs [N, C, ...], given %s", describe(x).c_str());
  return around_axis(x, 1);
}

// inputs: x, scale, bias (each per channel, or per group); integers: groups; floats: epsilon (Wu,
// He 2018; with one channel per group: Ulyanov et al. 2016).
void group_normalization(const OperatorCall& call) {
  require_like(call);
  require_tensors(call, 3);
  require_attributes(call, 1, 1);
  const AxisView view = around_channels(call);
  const int64_t groups = call.integers[0];
  if (groups < 1 || view.size % groups != 0) {
    reject(call, "%lld groups do not divide the channels of %s", static_cast<long long>(groups),
           describe(call.inputs[0]).c_str());
  }
  for (size_t i = 1; i < 3; ++i) {
    const int64_t count = call.inputs[i].elements();
    if (count != view.size && count != groups) {
      reject(call, "%s for %s in %lld groups", describe(call.inputs[i]).c_str(),
             describe(call.inputs[0]).c_str(), static_cast<long long>(groups));
    }
  }
  if (call.inputs[0].elements() == 0) return;
  const FloatValues x(call, call.inputs[0]), scale(call, call.inputs[1]),
      bias(call, call.inputs[2]);
  const FloatResult y(call, call.outputs[0]);
  const int64_t channels = view.size / groups;
  const int64_t size = channels * view.inner;
  const int64_t scale_divisor = call.inputs[1].elements() == view.size ? 1 : channels;
  const int64_t bias_divisor = call.inputs[2].elements() == view.size ? 1 : channels;
  const int64_t grain = std::max<int64_t>(1, kElementGrain / size);
  call.executor.parallel_for(view.outer * groups, grain, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const float* from = x.data() + group * size;
      float* to = y.data() + group * size;
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < size; ++i) sum += from[i];
      const double mean = sum / static_cast<double>(size);
      for (int64_t i = 0; i < size; ++i) squares += (from[i] - mean) * (from[i] - mean);
      const double deviation = std::sqrt(squares / static_cast<double>(size) + call.floats[0]);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t channel = group % groups * channels + c;
        const float factor = static_cast<float>(scale.data()[channel / scale_divisor] / deviation);
        const float shift = bias.data()[channel / bias_divisor];
        for (int64_t i = c * view.inner; i < (c + 1) * view.inner; ++i) {
          to[i] = (from[i] - static_cast<float>(mean)) * factor + shift;
        }
      }
    }
  });
  y.store();
}

template <class T>
void scale_channels(const AxisView& view, const T* x, T* y, const std::vector<T>& factors,
                    const std::vector<T>& shifts, const Executor& executor) {
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, view.inner));
  executor.parallel_for(view.outer * view.size, grain, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      const T factor = factors[run % view.size], shift = shifts[run % view.size];
      for (int64_t i = run * view.inner; i < (run + 1) * view.inner; ++i) {
        y[i] = x[i] * factor + shift;
      }
    }
  });
}

// inputs: x, scale, bias, mean, variance, one each per channel; floats: epsilon (Ioffe, Szegedy
// 2015, with the statistics given).
void batch_normalization(const OperatorCall& call) {
  require_like(call);
  require_tensors(call, 5);
  require_attributes(call, 0, 1);
  const TensorView& x = call.inputs[0];
  const AxisView view = x.rank == 1 ? AxisView{x.dims[0], 1, 1} : around_channels(call);
  const int64_t expected[] = {view.size};
  std::vector<std::vector<double>> parameters;
  for (size_t i = 1; i < 5; ++i) {
    const TensorView& parameter = call.inputs[i];
    require_shape(call, parameter, expected);
    dispatch_floating(call, parameter.dtype, [&](auto type) {
      using T = typename decltype(type)::type;
      std::vector<double>& values = parameters.emplace_back(view.size);
      for (int64_t c = 0; c < view.size; ++c) {
        values[c] = static_cast<double>(static_cast<Compute<T>>(parameter.as<T>()[c]));
      }
    });
  }
  if (x.elements() == 0) return;
  const auto apply = [&](auto zero, const auto* from, auto* to) {
    using T = decltype(zero);
    std::vector<T> factors(view.size), shifts(view.size);
    for (int64_t c = 0; c < view.size; ++c) {
      const double factor = parameters[0][c] / std::sqrt(parameters[3][c] + call.floats[0]);
      factors[c] = static_cast<T>(factor);
      shifts[c] = static_cast<T>(parameters[1][c] - parameters[2][c] * factor);
    }
    scale_channels<T>(view, from, to, factors, shifts, call.executor);
  };
  if (x.dtype == DMT_F64) {
    apply(0.0, x.as<double>(), call.outputs[0].as<double>());
    return;
  }
  const FloatValues from(call, x);
  const FloatResult to(call, call.outputs[0]);
  apply(0.0f, from.data(), to.data());
  to.store();
}

// integers: axis; 1 or 2: which norm each run along the axis is divided by. A norm of 0 gives 0.
void lp_normalization(const OperatorCall& call) {
  require_like(call);
  require_attributes(call, 2);
  const AxisView view =
      around_axis(call.inputs[0], checked_axis(call, call.integers[0], call.inputs[0].rank));
  const int64_t p = call.integers[1];
  if (p != 1 && p != 2) reject(call, "p is %lld", static_cast<long long>(p));
  if (call.inputs[0].elements() == 0) return;
  const FloatValues x(call, call.inputs[0]);
  const FloatResult y(call, call.outputs[0]);
  for (int64_t run = 0; run < view.outer * view.inner; ++run) {
    const int64_t first = run / view.inner * view.size * view.inner + run % view.inner;
    double sum = 0;
    for (int64_t i = 0; i < view.size; ++i) {
      const double value = x.data()[first + i * view.inner];
      sum += p == 1 ? std::abs(value) : value * value;
    }
    const double norm = p == 1 ? sum : std::sqrt(sum);
    for (int64_t i = 0; i < view.size; ++i) {
      const int64_t at = first + i * view.inner;
      y.data()[at] = norm == 0 ? 0 : static_cast<float>(x.data()[at] / norm);
    }
  }
  y.store();
}

// integers: the axes over which mean and variance are taken.
void mean_variance_normalization(const OperatorCall& call) {
  require_like(call);
  const TensorView& in = call.inputs[0];
  bool reduced[DMT_MAX_RANK] = {};
  for (const int64_t axis : call.integers) reduced[checked_axis(call, axis, in.rank)] = true;
  const FloatValues x(call, in);
  const FloatResult y(call, call.outputs[0]);
  const int64_t elements = in.elements();
  // Which statistics each element belongs to.
  int64_t kept = 1, steps[DMT_MAX_RANK];
  for (int32_t axis = in.rank - 1; axis >= 0; --axis) {
    steps[axis] = reduced[axis] ? 0 : kept;
    if (!reduced[axis]) kept *= in.dims[axis];
  }
  std::vector<int64_t> owner(elements);
  for (int64_t i = 0; i < elements; ++i) {
    int64_t rest = i;
    for (int32_t axis = in.rank - 1; axis >= 0; --axis) {
      owner[i] += rest % in.dims[axis] * steps[axis];
      rest /= in.dims[axis];
    }
  }
  if (elements == 0) return;
  const double count = static_cast<double>(elements / kept);
  std::vector<double> means(kept), variances(kept);
  for (int64_t i = 0; i < elements; ++i) means[owner[i]] += x.data()[i] / count;
  for (int64_t i = 0; i < elements; ++i) {
    const double distance = x.data()[i] - means[owner[i]];
    variances[owner[i]] += distance * distance / count;
  }
  constexpr double kSmallest = 1e-9;  // ONNX's definition: keeps constant data finite
  for (int64_t i = 0; i < elements; ++i) {
    const double distance = x.data()[i] - means[owner[i]];
    y.data()[i] = static_cast<float>(distance / (std::sqrt(variances[owner[i]]) + kSmallest));
  }
  y.store();
}

// integers: number of neighbouring channels; floats: alpha, beta, bias (Krizhevsky et al. 2012).
void local_response_normalization(const OperatorCall& call) {
  require_like(call);
  require_attributes(call, 1, 3);
  const AxisView view = around_channels(call);
  const int64_t size = call.integers[0];
  if (size < 1) reject(call, "size is %lld", static_cast<long long>(size));
  if (call.inputs[0].elements() == 0) return;
  const double alpha = call.floats[0], beta = call.floats[1], bias = call.floats[2];
  const int64_t before = std::min((size - 1) / 2, view.size), after = std::min(size / 2, view.size);
  const FloatValues x(call, call.inputs[0]);
  const FloatResult y(call, call.outputs[0]);
  call.executor.parallel_for(view.outer * view.size, 1, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t channel = run % view.size, base = (run - channel) * view.inner;
      const int64_t from = std::max<int64_t>(0, channel - before);
      const int64_t to = std::min(view.size - 1, channel + after);
      for (int64_t i = 0; i < view.inner; ++i) {
        double squares = 0;
        for (int64_t c = from; c <= to; ++c) {
          const double value = x.data()[base + c * view.inner + i];
          squares += value * value;
        }
        const double divisor = std::pow(bias + alpha / static_cast<double>(size) * squares, beta);
        const int64_t at = base + channel * view.inner + i;
        y.data()[at] = static_cast<float>(x.data()[at] / divisor);
      }
    }
  });
  y.store();
}

// gelu(x + bias); inputs: x, bias (per element of the last dimension) or nothing. integers: 1 for
// the approximation with tanh (Hendrycks, Gimpel 2016).
void bias_gelu(const OperatorCall& call) {
  require_like(call);
  require_attributes(call, 1);
  const TensorView& in = call.inputs[0];
  const int64_t features = in.rank == 0 ? 1 : in.dims[in.rank - 1];
  if (in.elements() == 0) return;
  std::optional<FloatValues> bias;
  if (has_input(call, 1)) {
    const int64_t expected[] = {features};
    require_shape(call, call.inputs[1], expected);
    bias.emplace(call, call.inputs[1]);
  }
  const dmt_activation activation =
      call.integers[0] != 0 ? DMT_ACTIVATION_GELU_TANH : DMT_ACTIVATION_GELU_ERF;
  const FloatValues x(call, in);
  const FloatResult y(call, call.outputs[0]);
  const int64_t grain = std::max<int64_t>(1, kElementGrain / features);
  call.executor.parallel_for(in.elements() / features, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* from = x.data() + row * features;
      float* to = y.data() + row * features;
      for (int64_t i = 0; i < features; ++i) to[i] = from[i] + (bias ? bias->data()[i] : 0);
      activate(active_isa(), activation, to, to, features);
    }
  });
  y.store();
}

constexpr OperatorEntry kOperators[] = {
    {"Attention", attention_operator},
    {"BatchNormalization", batch_normalization},
    {"BiasGelu", bias_gelu},
    {"GroupNormalization", group_normalization},
    {"Hardmax", hardmax},
    {"LRN", local_response_normalization},
    {"LayerNormalization", layer_normalization},
    {"LogSoftmax", log_softmax},
    {"LpNormalization", lp_normalization},
    {"MeanVarianceNormalization", mean_variance_normalization},
    {"RMSNormalization", rms_normalization},
    {"RotaryEmbedding", rotary_embedding},
    {"SkipLayerNormalization", skip_layer_normalization},
    {"Softmax", softmax},
};

}  // namespace

std::span<const OperatorEntry> normalization_operators() { return kOperators; }

}  // namespace demitasse
