#include "core/simd_avx512.h"
#include "demitasse/types.h"
#include "embedding/embedding_kernels.h"

namespace demitasse::avx512 {
#include "embedding/embedding.inl"
}  // namespace demitasse::avx512

namespace demitasse {
const EmbeddingKernels embedding_kernels_avx512 = {avx512::lookup, avx512::add_scaled,
                                                   avx512::maximum, avx512::divide, avx512::norm};
}  // namespace demitasse
