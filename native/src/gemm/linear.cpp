#include "gemm/linear.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "gemm/binary_weight.h"
#include "gemm/blocking.h"
#include "gemm/grouped_weight.h"
#include "gemm/packed_weight.h"
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

// B as it lies in memory, packed panel by panel when it is needed.
class UnpackedMatrix final : public Panels {
 public:
  explicit UnpackedMatrix(const MicroKernel& kernel, const FloatSource& b)
      : kernel_(kernel), b_(b) {}

  const void* block(int64_t panel, int64_t k_first, int64_t k_count, void* scratch) const override {
    const int64_t first = panel * kernel_.nr;
    const int64_t width = panel_width(kernel_, b_.n, panel);
    pack_f32_panel_avx2(
        static_cast<const float*>(b_.data) + k_first * b_.k_stride + first * b_.n_stride,
        b_.k_stride, b_.n_stride, k_count, std::min(width, b_.n - first), static_cast<int>(width),
        static_cast<float*>(scratch));
    return scratch;
  }

 private:
  const MicroKernel& kernel_;
  const FloatSource& b_;
};

// Packing a panel costs about as much as multiplying it with 16 rows: more rows share it than for
// a packed weight.
constexpr int64_t kUnpackedBlockRows = 512;

}  // namespace

std::unique_ptr<Weight> pack_float_weight(Isa isa, int32_t dtype, const void* data, int64_t k,
                                          int64_t n, int64_t k_stride, int64_t n_stride) {
  const FloatSource source{dtype, data, k, n, k_stride, n_stride};
  return isa == Isa::scalar ? pack_scalar_weight(source) : pack_panels(isa, source);
}

std::unique_ptr<Weight> pack_int8_weight(Isa isa, int32_t dtype, const void* data, int64_t k,
                                         int64_t n, int64_t k_stride, int64_t n_stride,
                                         const float* scales, const int32_t* zero_points,
                                         int64_t scale_count) {
  const Int8Source source{dtype, data, k, n, k_stride, n_stride, scales, zero_points, scale_count};
  check_accumulator_range(source);
  return isa == Isa::scalar ? pack_scalar_weight(source) : pack_panels(isa, source);
}

std::unique_ptr<Weight> pack_grouped_weight(Isa isa, const GroupedSource& source) {
  return isa == Isa::scalar ? pack_scalar_weight(source) : pack_groups(isa, source);
}

std::unique_ptr<Weight> pack_binary_weight(Isa isa, const GroupedSource& source) {
  return pack_signs(isa, source);
}

void Weight::run(const BitRows&, int64_t, const Epilogue&, const Executor&) const {
  fail(DMT_UNSUPPORTED, "only binary weights take rows of signs");
}

void Weight::run_signs(const BitRows&, int64_t, const int32_t*, const BitRows&,
                       const Executor&) const {
  fail(DMT_UNSUPPORTED, "only binary weights take rows of signs");
}

void matmul_f32(Isa isa, const float* a, int64_t a_stride, const float* b, int64_t b_k_stride,
                int64_t b_n_stride, float* c, int64_t c_stride, int64_t m, int64_t k, int64_t n,
                const Executor& executor) {
  const FloatSource source{DMT_F32, b, k, n, b_k_stride, b_n_stride};
  Epilogue epilogue;
  epilogue.out = c;
  epilogue.out_stride = c_stride;
  if (isa == Isa::scalar) {
    pack_scalar_weight(source)->run(a, a_stride, m, epilogue, executor);
    return;
  }
  BlockedLinear linear;
  linear.isa = isa;
  linear.kernel = isa == Isa::avx512 ? &f32_8x48_avx512 : &f32_6x16_avx2;
  const UnpackedMatrix panels(*linear.kernel, source);
  linear.panels = &panels;
  linear.k = k;
  linear.n = n;
  linear.x = a;
  linear.x_stride = a_stride;
  linear.rows = m;
  linear.block_rows = kUnpackedBlockRows;
  run_blocked(linear, epilogue, executor);
}

}  // namespace demitasse
