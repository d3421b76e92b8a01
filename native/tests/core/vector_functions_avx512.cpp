#include "core/simd_avx512.h"
#include "core/vector_functions.h"
#include "demitasse/types.h"

namespace demitasse::avx512 {
#include "core/vector_functions.inl"
}  // namespace demitasse::avx512

namespace demitasse {
const VectorFunctions vector_functions_avx512 = {avx512::exp_all, avx512::erf_all,
                                                 avx512::tanh_all};
}  // namespace demitasse
