// The specification of the embedding kernels.
#include <cmath>

#include "core/float16.h"
#include "demitasse/types.h"
#include "embedding/embedding_kernels.h"

namespace demitasse {
namespace {

float element(int32_t dtype, const void* x, int64_t i, float scale, int32_t zero_point) {
  switch (dtype) {
    case DMT_F16:
      return f16_to_f32(static_cast<const uint16_t*>(x)[i]);
    case DMT_BF16:
      return bf16_to_f32(static_cast<const uint16_t*>(x)[i]);
    case DMT_S8:
      return scale * static_cast<float>(static_cast<const int8_t*>(x)[i] - zero_point);
    case DMT_U8:
      return scale * static_cast<float>(static_cast<const uint8_t*>(x)[i] - zero_point);
    default:
      return static_cast<const float*>(x)[i];
  }
}

void lookup(int32_t dtype, const void* x, float scale, int32_t zero_point, bool accumulate,
            float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float value = element(dtype, x, i, scale, zero_point);
    y[i] = accumulate ? y[i] + value : value;
  }
}

void add_scaled(float weight, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += weight * x[i];
}

void maximum(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] > y[i] || std::isnan(x[i])) y[i] = x[i];
  }
}

void divide(float divisor, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] /= divisor;
}

float norm(const float* x, int64_t n) {
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += double{x[i]} * x[i];
  return static_cast<float>(std::sqrt(squares));
}

}  // namespace

const EmbeddingKernels embedding_kernels_scalar = {lookup, add_scaled, maximum, divide, norm};

}  // namespace demitasse
