// The row kernels on vectors of floats; included by rows_avx2.cpp and rows_avx512.cpp.
#pragma once

#include "core/vector_loops.inl"
#include "core/vector_math.inl"
#include "quantize/codes.inl"

namespace {

// s = x + residual, kept in `s`, and its sum.
float add_residual(const float* x, const float* residual, float* s, int64_t n) {
  return sum_vectors(n, [=](int64_t i, auto lanes) {
    const Floats sum = load(x + i, lanes) + load(residual + i, lanes);
    store(s + i, sum, lanes);
    return sum;
  });
}

struct Range {
  float low = 0, high = 0;
};

// y = (s - mean) * inverse * gamma + beta
Range normalize(const LayerNorm& norm, const float* s, float mean, float inverse, float* y) {
  const Floats means = broadcast(mean), inverses = broadcast(inverse);
  const float *gamma = norm.gamma, *beta = norm.beta;
  Floats low = zero(), high = zero();
  for_each_vector(norm.features, [&](int64_t i, auto lanes) {
    const Floats standard = (load(s + i, lanes) - means) * inverses;
    const Floats shift = beta != nullptr ? load(beta + i, lanes) : zero();
    const Floats value = fma(standard, load(gamma + i, lanes), shift);  // 0 in absent lanes
    store(y + i, value, lanes);
    low = min(value, low);
    high = max(value, high);
  });
  return {reduce_min(low), reduce_max(high)};
}

void layer_norm_row(const LayerNorm& norm, int64_t row, float* scratch) {
  const int64_t n = norm.features;
  const float* s = norm.x + row * n;
  float* sum = norm.sum != nullptr ? norm.sum + row * n : scratch;
  float mean = 0;
  if (norm.residual != nullptr) {
    mean = add_residual(s, norm.residual + row * n, sum, n) / static_cast<float>(n);
    s = sum;
  } else {
    mean = sum_vectors(n, [=](int64_t i, auto lanes) { return load(s + i, lanes); }) /
           static_cast<float>(n);
    if (norm.sum != nullptr) {
      for_each_vector(n, [=](int64_t i, auto lanes) { store(sum + i, load(s + i, lanes), lanes); });
    }
  }
  if (norm.rms) mean = 0;
  const Floats means = broadcast(mean);
  const float squares = sum_vectors(n, [=](int64_t i, auto lanes) {
    const Floats centred = load(s + i, lanes) - means;
    return centred * centred;
  });
  const float variance = squares / static_cast<float>(n);
  const float inverse = 1 / __builtin_sqrtf(variance + norm.epsilon);
  float* y = norm.y != nullptr ? norm.y + row * n : scratch;
  const Range range = normalize(norm, s, mean, inverse, y);
  if (norm.requantize == Requantize::none) return;
  const QuantizedRows& q = norm.quantized;
  const int64_t parameter = row * q.parameter_step;
  if (norm.requantize == Requantize::dynamic_row) {
    const QuantizationParameters parameters = quantization_parameters(range.low, range.high);
    q.scales[parameter] = parameters.scale;
    q.zero_points[parameter] = parameters.zero_point;
  }
  quantize_codes(y, n, q.scales[parameter], q.zero_points[parameter], q.codes + row * q.stride);
}

void layer_norm(const LayerNorm& norm, int64_t begin, int64_t end, float* scratch) {
  for (int64_t row = begin; row < end; ++row) layer_norm_row(norm, row, scratch);
}

void range(const float* x, int64_t n, float* low, float* high) { widen_range(x, n, low, high); }

void codes(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t* codes) {
  quantize_codes(x, n, scale, zero_point, codes);
}

void softmax(const float* x, float* y, int64_t n) {
  const Floats nothing = broadcast(-__builtin_inff());
  Floats largest = nothing;
  for_each_vector(n, [&](int64_t i, auto lanes) {
    largest = max(select(lanes, load(x + i, lanes), nothing), largest);
  });
  const Floats shift = broadcast(reduce_max(largest));
  const float total = sum_vectors(n, [=](int64_t i, auto lanes) {
    const Floats power = exp(load(x + i, lanes) - shift);
    store(y + i, power, lanes);
    return power;
  });
  const Floats inverse = broadcast(1 / total);
  for_each_vector(
      n, [=](int64_t i, auto lanes) { store(y + i, load(y + i, lanes) * inverse, lanes); });
}

void activate(dmt_activation activation, const float* x, float* y, int64_t n) {
  with_activation(activation, [=](auto function) {
    for_each_vector(
        n, [=](int64_t i, auto lanes) { store(y + i, function(load(x + i, lanes)), lanes); });
  });
}

}  // namespace
