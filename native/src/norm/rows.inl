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

// The row on its way: s = x + residual, its moments, y.
struct NormRow {
  const float* s;
  float* y;
  float mean, inverse;
  Range range;
};

void sum_row(const LayerNorm& norm, int64_t row, float* scratch, NormRow& state) {
  const int64_t n = norm.features;
  const float* x = norm.x + row * n;
  float* sum = norm.sum != nullptr ? norm.sum + row * n : scratch;
  float total;
  if (norm.residual != nullptr) {
    total = add_residual(x, norm.residual + row * n, sum, n);
  } else {
    total = sum_vectors(n, [=](int64_t i, auto lanes) { return load(x + i, lanes); });
    if (norm.sum != nullptr) {
      for_each_vector(n, [=](int64_t i, auto lanes) { store(sum + i, load(x + i, lanes), lanes); });
    }
  }
  state.s = norm.residual != nullptr || norm.sum != nullptr ? sum : x;
  state.y = norm.y != nullptr ? norm.y + row * n : scratch;
  state.mean = norm.rms ? 0 : total / static_cast<float>(n);
}

float inverse_deviation(const LayerNorm& norm, const float* s, float mean) {
  const Floats means = broadcast(mean);
  const float squares = sum_vectors(norm.features, [=](int64_t i, auto lanes) {
    const Floats centred = load(s + i, lanes) - means;
    return centred * centred;
  });
  const float variance = squares / static_cast<float>(norm.features);
  return 1 / __builtin_sqrtf(variance + norm.epsilon);
}

void quantize_row(const LayerNorm& norm, int64_t row, const NormRow& state) {
  const QuantizedRows& q = norm.quantized;
  const int64_t parameter = row * q.parameter_step;
  if (norm.requantize == Requantize::dynamic_row) {
    const QuantizationParameters parameters =
        quantization_parameters(state.range.low, state.range.high);
    q.scales[parameter] = parameters.scale;
    q.zero_points[parameter] = parameters.zero_point;
  }
  quantize_codes(state.y, norm.features, q.scales[parameter], q.zero_points[parameter],
                 q.codes + row * q.stride);
}

// A row is a chain of reductions, divisions and a square root that wait for each other; several
// rows abreast fill the gaps.
void layer_norm(const LayerNorm& norm, int64_t begin, int64_t end, float* scratch) {
  NormRow states[kLayerNormRows];
  const int64_t abreast = norm.features <= 512 ? kLayerNormRows : 1;
  for (int64_t row = begin; row < end; row += abreast) {
    const int64_t count = end - row < abreast ? end - row : abreast;
    for (int64_t r = 0; r < count; ++r) {
      sum_row(norm, row + r, scratch + r * norm.features, states[r]);
    }
    for (int64_t r = 0; r < count; ++r) {
      states[r].inverse = inverse_deviation(norm, states[r].s, states[r].mean);
    }
    for (int64_t r = 0; r < count; ++r) {
      NormRow& state = states[r];
      state.range = normalize(norm, state.s, state.mean, state.inverse, state.y);
    }
    if (norm.requantize == Requantize::none) continue;
    for (int64_t r = 0; r < count; ++r) quantize_row(norm, row + r, states[r]);
  }
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
