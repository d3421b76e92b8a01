#include "core/simd_avx2.h"
#include "demitasse/types.h"
#include "ops/float_rows_kernels.h"

namespace demitasse::avx2 {
#include "ops/float_rows.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const FloatRows float_rows_avx2 = float_rows_with(avx2::exp_row, avx2::erf_row);
}  // namespace demitasse
