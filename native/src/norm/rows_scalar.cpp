// The specification of the row kernels: plain loops, sums in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "norm/row_kernels.h"
#include "quantize/parameters.h"

namespace demitasse {
namespace {

void range(const float* x, int64_t n, float* low, float* high) {
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] < *low) *low = x[i];
    if (x[i] > *high) *high = x[i];
  }
}

void codes(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t* codes) {
  for (int64_t i = 0; i < n; ++i) codes[i] = quantize(x[i], {scale, zero_point});
}

void layer_norm_row(const LayerNorm& norm, int64_t row, float* scratch) {
  const int64_t features = norm.features;
  const float* x = norm.x + row * features;
  float* s = norm.sum != nullptr ? norm.sum + row * features : scratch;
  double total = 0;
  for (int64_t i = 0; i < features; ++i) {
    s[i] = norm.residual != nullptr ? x[i] + norm.residual[row * features + i] : x[i];
    total += s[i];
  }
  const double mean = norm.rms ? 0 : total / static_cast<double>(features);
  double squares = 0;
  for (int64_t i = 0; i < features; ++i) squares += (s[i] - mean) * (s[i] - mean);
  const double variance = squares / static_cast<double>(features);
  const double inverse = 1 / std::sqrt(variance + norm.epsilon);
  float* y = norm.y != nullptr ? norm.y + row * features : scratch;
  for (int64_t i = 0; i < features; ++i) {
    const double beta = norm.beta != nullptr ? norm.beta[i] : 0;
    y[i] = static_cast<float>((s[i] - mean) * inverse * norm.gamma[i] + beta);
  }
  if (norm.requantize == Requantize::none) return;
  const QuantizedRows& q = norm.quantized;
  const int64_t parameter = row * q.parameter_step;
  if (norm.requantize == Requantize::dynamic_row) {
    float low = 0, high = 0;
    range(y, features, &low, &high);
    const QuantizationParameters parameters = quantization_parameters(low, high);
    q.scales[parameter] = parameters.scale;
    q.zero_points[parameter] = parameters.zero_point;
  }
  codes(y, features, q.scales[parameter], q.zero_points[parameter], q.codes + row * q.stride);
}

void layer_norm(const LayerNorm& norm, int64_t begin, int64_t end, float* scratch) {
  for (int64_t row = begin; row < end; ++row) layer_norm_row(norm, row, scratch);
}

void softmax(const float* x, float* y, int64_t features) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < features; ++i) largest = std::max(largest, x[i]);
  double total = 0;
  for (int64_t i = 0; i < features; ++i) total += std::exp(double{x[i]} - largest);
  for (int64_t i = 0; i < features; ++i) {
    y[i] = static_cast<float>(std::exp(double{x[i]} - largest) / total);
  }
}

double activated(dmt_activation activation, double x) {
  switch (activation) {
    case DMT_ACTIVATION_RELU:
      return x < 0 ? 0 : x;
    case DMT_ACTIVATION_GELU_ERF:
      return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5)));
    case DMT_ACTIVATION_GELU_TANH:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case DMT_ACTIVATION_SILU:
      return x / (1 + std::exp(-x));
    case DMT_ACTIVATION_HARD_SWISH:
      return x * std::max(0.0, std::min(1.0, x / 6 + 0.5));
    case DMT_ACTIVATION_TANH:
      return std::tanh(x);
    case DMT_ACTIVATION_SIGMOID:
      return 1 / (1 + std::exp(-x));
    default:
      return x;
  }
}

void activate(dmt_activation activation, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(activated(activation, x[i]));
}

}  // namespace

const RowKernels row_kernels_scalar = {layer_norm, range, codes, softmax, activate};

}  // namespace demitasse
