#include "norm/rows.h"

#include <algorithm>
#include <mutex>

#include "core/aligned_buffer.h"
#include "norm/row_kernels.h"
#include "quantize/parameters.h"

namespace demitasse {
namespace {

// Rows that one thread takes at a time: about 32 KB of floats, some microseconds of work.
int64_t grain(int64_t features) {
  return std::max<int64_t>(1, 8192 / std::max<int64_t>(1, features));
}

void quantize_row(const RowKernels& kernels, const float* x, int64_t features, int64_t row,
                  Requantize mode, const QuantizedRows& q) {
  const int64_t parameter = row * q.parameter_step;
  if (mode == Requantize::dynamic_row) {
    float low = 0, high = 0;
    kernels.range(x, features, &low, &high);
    const QuantizationParameters parameters = quantization_parameters(low, high);
    q.scales[parameter] = parameters.scale;
    q.zero_points[parameter] = parameters.zero_point;
  }
  kernels.codes(x, features, q.scales[parameter], q.zero_points[parameter],
                q.codes + row * q.stride);
}

}  // namespace

const RowKernels& row_kernels(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return row_kernels_avx512;
    case Isa::avx2:
      return row_kernels_avx2;
    default:
      return row_kernels_scalar;
  }
}

void layer_norm(Isa isa, const LayerNorm& norm, int64_t rows, const Executor& executor) {
  const RowKernels& kernels = row_kernels(isa);
  executor.parallel_for(rows, grain(norm.features), [&](int64_t begin, int64_t end) {
    const AlignedBuffer<float> scratch(kLayerNormRows * norm.features);
    kernels.layer_norm(norm, begin, end, scratch.data());
  });
}

void quantize_rows(Isa isa, const float* x, int64_t x_stride, int64_t features, int64_t rows,
                   Requantize mode, const QuantizedRows& q, const Executor& executor) {
  if (mode == Requantize::none) return;
  const RowKernels& kernels = row_kernels(isa);
  executor.parallel_for(rows, grain(features), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      quantize_row(kernels, x + row * x_stride, features, row, mode, q);
    }
  });
}

void quantize_tensor(Isa isa, const float* x, int64_t features, int64_t rows,
                     const QuantizedRows& q, const Executor& executor) {
  const RowKernels& kernels = row_kernels(isa);
  float low = 0, high = 0;
  std::mutex merging;
  executor.parallel_for(rows, grain(features), [&](int64_t begin, int64_t end) {
    float range_low = 0, range_high = 0;
    kernels.range(x + begin * features, (end - begin) * features, &range_low, &range_high);
    const std::lock_guard lock(merging);
    low = std::min(low, range_low);
    high = std::max(high, range_high);
  });
  const QuantizationParameters parameters = quantization_parameters(low, high);
  q.scales[0] = parameters.scale;
  q.zero_points[0] = parameters.zero_point;
  QuantizedRows one = q;
  one.parameter_step = 0;
  quantize_rows(isa, x, features, features, rows, Requantize::given, one, executor);
}

void softmax_rows(Isa isa, const float* x, float* y, int64_t features, int64_t rows,
                  const Executor& executor) {
  const RowKernels& kernels = row_kernels(isa);
  executor.parallel_for(rows, grain(features), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      kernels.softmax(x + row * features, y + row * features, features);
    }
  });
}

void activate(Isa isa, dmt_activation activation, const float* x, float* y, int64_t n) {
  row_kernels(isa).activate(activation, x, y, n);
}

}  // namespace demitasse
