#include "core/simd_avx512.h"
#include "norm/row_kernels.h"
#include "quantize/parameters.h"

namespace demitasse::avx512 {
#include "norm/rows.inl"
}  // namespace demitasse::avx512

namespace demitasse {
const RowKernels row_kernels_avx512 = {avx512::layer_norm, avx512::range, avx512::codes,
                                       avx512::softmax, avx512::activate};
}  // namespace demitasse
