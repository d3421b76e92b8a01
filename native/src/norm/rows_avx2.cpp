#include "core/simd_avx2.h"
#include "norm/row_kernels.h"
#include "quantize/parameters.h"

namespace demitasse::avx2 {
#include "norm/rows.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const RowKernels row_kernels_avx2 = {avx2::layer_norm, avx2::range, avx2::codes, avx2::softmax,
                                     avx2::activate};
}  // namespace demitasse
