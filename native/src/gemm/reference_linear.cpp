#include "gemm/reference_linear.h"

#include <algorithm>
#include <cmath>

#include "norm/rows.h"

namespace demitasse {

void reference_multiply_u8s8(const QuantizedRows& x, int64_t rows, int64_t k, int64_t n,
                             const int8_t* w, const int32_t* zw, int32_t* accumulators) {
  for (int64_t m = 0; m < rows; ++m) {
    const uint8_t* codes = x.codes + m * x.stride;
    const int32_t zx = x.zero_points[m * x.parameter_step];
    int32_t* acc = accumulators + m * n;
    for (int64_t j = 0; j < n; ++j) acc[j] = 0;
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < n; ++j) acc[j] += (codes[i] - zx) * (w[i * n + j] - zw[j]);
    }
  }
}

void reference_dequantize(const QuantizedRows& x, int64_t rows, int64_t n,
                          const int32_t* accumulators, const float* w_scales, float* y) {
  for (int64_t m = 0; m < rows; ++m) {
    const float x_scale = x.scales[m * x.parameter_step];
    for (int64_t j = 0; j < n; ++j) {
      y[m * n + j] = static_cast<float>(accumulators[m * n + j]) * (x_scale * w_scales[j]);
    }
  }
}

void reference_multiply_grouped(const QuantizedRows& x, int64_t rows, int64_t k, int64_t n,
                                const int16_t* w, int64_t segment, const float* scales, float step,
                                float* y) {
  for (int64_t m = 0; m < rows; ++m) {
    const uint8_t* codes = x.codes + m * x.stride;
    const float zx = static_cast<float>(x.zero_points[m * x.parameter_step]);
    const float x_scale = x.scales[m * x.parameter_step] * step;
    for (int64_t j = 0; j < n; ++j) {
      float f = 0, offset = 0;
      for (int64_t first = 0; first < k; first += segment) {
        const float scale = scales[first / segment * n + j];
        int32_t d = 0, e = 0;
        for (int64_t i = first; i < std::min(k, first + segment); ++i) {
          d += codes[i] * w[i * n + j];
          e += w[i * n + j];
        }
        f = std::fma(static_cast<float>(d), scale, f);
        offset = std::fma(static_cast<float>(e), scale, offset);
      }
      y[m * n + j] = std::fma(-zx, offset, f) * x_scale;
    }
  }
}

void reference_multiply_f32(const float* x, int64_t x_stride, int64_t rows, int64_t k, int64_t n,
                            const float* w, float* y) {
  for (int64_t m = 0; m < rows; ++m) {
    float* acc = y + m * n;
    for (int64_t j = 0; j < n; ++j) acc[j] = 0;
    for (int64_t i = 0; i < k; ++i) {
      const float a = x[m * x_stride + i];
      for (int64_t j = 0; j < n; ++j) acc[j] += a * w[i * n + j];
    }
  }
}

void reference_epilogue(Isa isa, float* y, int64_t first, int64_t count, int64_t rows, int64_t n,
                        const Epilogue& epilogue) {
  if (epilogue.bias != nullptr) {
    for (int64_t m = 0; m < count; ++m) {
      for (int64_t j = 0; j < n; ++j) y[m * n + j] += epilogue.bias[j];
    }
  }
  if (epilogue.activation != DMT_ACTIVATION_NONE) {
    activate(isa, epilogue.activation, y, y, count * n);
  }
  if (epilogue.residual != nullptr) {
    for (int64_t m = 0; m < count; ++m) {
      const float* residual = epilogue.residual + (first + m) * epilogue.residual_stride;
      for (int64_t j = 0; j < n; ++j) y[m * n + j] += residual[j];
    }
  }
  if (epilogue.requantize != Requantize::none) {
    quantize_rows(isa, y, n, n, count, epilogue.requantize, rows_from(epilogue.quantized, first),
                  serial_executor());
    return;
  }
  const int64_t head_dim = epilogue.head_dim;
  for (int64_t m = 0; m < count; ++m) {
    for (int64_t j = 0; j < n; ++j) {
      float* to = head_dim > 0
                      ? epilogue.out + (j / head_dim * rows + first + m) * head_dim + j % head_dim
                      : epilogue.out + (first + m) * epilogue.out_stride + j;
      *to = y[m * n + j];
    }
  }
}

QuantizedRows rows_from(const QuantizedRows& x, int64_t first) {
  QuantizedRows from = x;
  from.codes += first * x.stride;
  from.scales += first * x.parameter_step;
  from.zero_points += first * x.parameter_step;
  return from;
}

}  // namespace demitasse
