#include "attention/attention_kernels.h"
#include "core/simd_avx2.h"

namespace demitasse::avx2 {
#include "attention/attention.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const AttentionKernels attention_kernels_avx2 = {avx2::scratch_floats, avx2::run};
}  // namespace demitasse
