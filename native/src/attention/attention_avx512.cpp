#include "attention/attention_kernels.h"
#include "core/simd_avx512.h"

namespace demitasse::avx512 {
#include "attention/attention.inl"
}  // namespace demitasse::avx512

namespace demitasse {
const AttentionKernels attention_kernels_avx512 = {avx512::scratch_floats, avx512::run};
}  // namespace demitasse
