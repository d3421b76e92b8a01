#include "core/simd_avx2.h"
#include "core/vector_functions.h"
#include "demitasse/types.h"

namespace demitasse::avx2 {
#include "core/vector_functions.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const VectorFunctions vector_functions_avx2 = {avx2::exp_all, avx2::erf_all, avx2::tanh_all};
}  // namespace demitasse
