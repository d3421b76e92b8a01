#include "gemm/linear.h"

#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "gemm/reference_linear.h"
#include "gemm/scalar_weight.h"

namespace demitasse {
namespace {

// No int32 accumulator may overflow, whatever the activations: |x - zx| <= 255, so 255 times the
// sum of a column's |w - zw| must stay below 2^31. Symmetric signed weights satisfy it up to
// k = 65536, any weights up to k = 33025.
void check_accumulator_range(const Int8Source& source) {
  constexpr int64_t max_k = 65536;
  if (source.k > max_k) {
    fail(DMT_UNSUPPORTED, "INT8 weights have at most %lld input features, not %lld",
         static_cast<long long>(max_k), static_cast<long long>(source.k));
  }
  if (source.k <= 33025) return;
  std::vector<int64_t> sums(source.n);
  for (int64_t i = 0; i < source.k; ++i) {
    for (int64_t j = 0; j < source.n; ++j) {
      sums[j] += std::abs(source.at(i, j) - source.zero_point(j));
    }
  }
  for (int64_t j = 0; j < source.n; ++j) {
    if (sums[j] * 255 > INT32_MAX) {
      fail(DMT_UNSUPPORTED,
           "output channel %lld of an INT8 weight with zero points and %lld input features could "
           "overflow 32-bit sums",
           static_cast<long long>(j), static_cast<long long>(source.k));
    }
  }
}

}  // namespace

std::unique_ptr<Weight> pack_float_weight(Isa isa, int32_t dtype, const void* data, int64_t k,
                                          int64_t n, int64_t k_stride, int64_t n_stride) {
  static_cast<void>(isa);
  return pack_scalar_weight(FloatSource{dtype, data, k, n, k_stride, n_stride});
}

std::unique_ptr<Weight> pack_int8_weight(Isa isa, int32_t dtype, const void* data, int64_t k,
                                         int64_t n, int64_t k_stride, int64_t n_stride,
                                         const float* scales, const int32_t* zero_points,
                                         int64_t scale_count) {
  static_cast<void>(isa);
  const Int8Source source{dtype, data, k, n, k_stride, n_stride, scales, zero_points, scale_count};
  check_accumulator_range(source);
  return pack_scalar_weight(source);
}

void matmul_f32(Isa isa, const float* a, int64_t a_stride, const float* b, int64_t b_k_stride,
                int64_t b_n_stride, float* c, int64_t c_stride, int64_t m, int64_t k, int64_t n,
                const Executor& executor) {
  Epilogue epilogue;
  epilogue.out = c;
  epilogue.out_stride = c_stride;
  pack_float_weight(isa, DMT_F32, b, k, n, b_k_stride, b_n_stride)
      ->run(a, a_stride, m, epilogue, executor);
}

}  // namespace demitasse
