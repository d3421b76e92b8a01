#include "core/simd_avx512.h"
#include "demitasse/types.h"
#include "ops/float_rows_kernels.h"

namespace demitasse::avx512 {
#include "ops/float_rows.inl"
}  // namespace demitasse::avx512

namespace demitasse {
const FloatRows float_rows_avx512 = float_rows_with(avx512::exp_row, avx512::erf_row);
}  // namespace demitasse
