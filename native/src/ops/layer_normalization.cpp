#include "ops/layer_normalization.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "cpu/isa.h"
#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"
#include "ops/strided_copy.h"

namespace demitasse {
namespace {

// A parameter repeated to the normalized dimensions of x, contiguous.
template <class T>
class Repeated {
 public:
  Repeated(const OperatorCall& call, const TensorView& x, int32_t axis, const TensorView& parameter,
           const T* values)
      : repeated_(product(x, axis, x.rank)) {
    const int32_t missing = x.rank - axis - parameter.rank;
    StridedView view;
    int64_t steps[DMT_MAX_RANK];
    contiguous_steps({parameter.dims, static_cast<size_t>(parameter.rank)}, steps);
    bool fits = missing >= 0;
    for (int32_t i = axis; fits && i < x.rank; ++i) {
      const int32_t own = i - axis - missing;
      const int64_t size = own < 0 ? 1 : parameter.dims[own];
      fits = size == 1 || size == x.dims[i];
      view.add(x.dims[i], size == 1 ? 0 : steps[own]);
    }
    if (!fits) {
      reject(call, "%s does not fit axes %d.. of %s", describe(parameter).c_str(), axis,
             describe(x).c_str());
    }
    strided_copy(view, sizeof(T), values, repeated_.data(), serial_executor());
  }

  const T* data() const { return repeated_.data(); }

 private:
  AlignedBuffer<T> repeated_;
};

// Sums are kept in double: for float they are exact enough that one pass per moment will do.
template <class T>
struct Moments {
  double mean = 0, deviation = 1;

  Moments(const T* x, int64_t features, double epsilon, bool rms) {
    for (int64_t i = 0; !rms && i < features; ++i) mean += x[i];
    mean /= static_cast<double>(features);
    double squares = 0;
    for (int64_t i = 0; i < features; ++i) squares += (x[i] - mean) * (x[i] - mean);
    deviation = std::sqrt(squares / static_cast<double>(features) + epsilon);
  }
};

void normalize_doubles(const double* x, double* y, const double* gamma, const double* beta,
                       int64_t rows, int64_t features, double epsilon, bool rms) {
  for (int64_t row = 0; row < rows; ++row, x += features, y += features) {
    const Moments<double> moments(x, features, epsilon, rms);
    for (int64_t i = 0; i < features; ++i) {
      y[i] = (x[i] - moments.mean) / moments.deviation * gamma[i] + (beta ? beta[i] : 0);
    }
  }
}

template <class T>
void store_moments(const OperatorCall& call, const T* x, int64_t rows, int64_t features,
                   double epsilon) {
  for (size_t i = 1; i < 3 && i < call.outputs.size(); ++i) {
    const TensorView& out = call.outputs[i];
    if (!out.present()) continue;
    if (out.elements() != rows) {
      reject(call, "output %zu is %s for %lld rows", i, describe(out).c_str(),
             static_cast<long long>(rows));
    }
    dispatch_floating(call, out.dtype, [&](auto type) {
      using Out = typename decltype(type)::type;
      for (int64_t row = 0; row < rows; ++row) {
        const Moments<T> moments(x + row * features, features, epsilon, false);
        const double value = i == 1 ? moments.mean : 1 / moments.deviation;
        out.as<Out>()[row] = Out(static_cast<Compute<Out>>(value));
      }
    });
  }
}

void normalize(const OperatorCall& call, bool rms) {
  require_tensors(call, 2);
  require_attributes(call, 1, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  const TensorView& scale = call.inputs[1];
  require_same_shape(call, x, y);
  require_same_dtype(call, x, y);
  const int32_t axis = checked_axis(call, call.integers[0], x.rank);
  const bool has_bias = !rms && has_input(call, 2);
  const int64_t features = product(x, axis, x.rank);
  const int64_t rows = product(x, 0, axis);
  const double epsilon = call.floats[0];
  if (x.elements() == 0) {  // the moments of rows of nothing are NaN
    if (!rms) store_moments<float>(call, nullptr, rows, features, epsilon);
    return;
  }
  if (x.dtype == DMT_F64) {
    require_same_dtype(call, x, scale);
    const Repeated<double> gamma(call, x, axis, scale, scale.as<double>());
    std::optional<Repeated<double>> beta;
    if (has_bias) {
      require_same_dtype(call, x, call.inputs[2]);
      beta.emplace(call, x, axis, call.inputs[2], call.inputs[2].as<double>());
    }
    normalize_doubles(x.as<double>(), y.as<double>(), gamma.data(), beta ? beta->data() : nullptr,
                      rows, features, epsilon, rms);
    store_moments(call, x.as<double>(), rows, features, epsilon);
    return;
  }
  const FloatValues from(call, x), scales(call, scale);
  const FloatResult to(call, y);
  const Repeated<float> gamma(call, x, axis, scale, scales.data());
  std::optional<FloatValues> biases;
  std::optional<Repeated<float>> beta;
  if (has_bias) {
    biases.emplace(call, call.inputs[2]);
    beta.emplace(call, x, axis, call.inputs[2], biases->data());
  }
  LayerNorm norm;
  norm.x = from.data();
  norm.gamma = gamma.data();
  norm.beta = beta ? beta->data() : nullptr;
  norm.features = features;
  norm.epsilon = static_cast<float>(epsilon);
  norm.rms = rms;
  norm.y = to.data();
  layer_norm(active_isa(), norm, rows, call.executor);
  to.store();
  if (!rms) store_moments(call, from.data(), rows, features, epsilon);
}

}  // namespace

void layer_normalization(const OperatorCall& call) { normalize(call, false); }

void rms_normalization(const OperatorCall& call) { normalize(call, true); }

void skip_layer_normalization(const OperatorCall& call) {
  require_tensors(call, 3);
  require_attributes(call, 1, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& skip = call.inputs[1];
  const TensorView& y = call.outputs[0];
  require_same_shape(call, x, y);
  require_same_dtype(call, x, y);
  if (x.rank == 0 || x.elements() == 0) return;
  const int64_t features = x.dims[x.rank - 1];
  const int64_t repeated = skip.elements();
  if (repeated == 0 || repeated % features != 0 || x.elements() % repeated != 0) {
    reject(call, "cannot add %s to %s", describe(skip).c_str(), describe(x).c_str());
  }
  std::optional<FloatValues> parameters[3];  // scale, bias, addend
  const int64_t expected[] = {features};
  for (size_t i = 0; i < 3; ++i) {
    if (!has_input(call, i + 2)) continue;
    require_shape(call, call.inputs[i + 2], expected);
    parameters[i].emplace(call, call.inputs[i + 2]);
  }
  const FloatValues a(call, x), b(call, skip);
  const FloatResult to(call, y);
  const AlignedBuffer<float> sum(x.elements());
  const float* addend = parameters[2] ? parameters[2]->data() : nullptr;
  call.executor.parallel_for(x.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      sum.data()[i] = a.data()[i] + b.data()[i % repeated] + (addend ? addend[i % features] : 0);
    }
  });
  LayerNorm norm;
  norm.x = sum.data();
  norm.gamma = parameters[0]->data();
  norm.beta = parameters[1] ? parameters[1]->data() : nullptr;
  norm.features = features;
  norm.epsilon = static_cast<float>(call.floats[0]);
  norm.rms = call.integers[0] != 0;
  norm.y = to.data();
  layer_norm(active_isa(), norm, x.elements() / features, call.executor);
  to.store();
  if (call.outputs.size() > 3 && call.outputs[3].present()) {
    require_same_shape(call, x, call.outputs[3]);
    const FloatResult sums(call, call.outputs[3]);
    std::copy_n(sum.data(), x.elements(), sums.data());
    sums.store();
  }
}

}  // namespace demitasse
