#include "core/simd_avx2.h"
#include "demitasse/types.h"
#include "embedding/embedding_kernels.h"

namespace demitasse::avx2 {
#include "embedding/embedding.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const EmbeddingKernels embedding_kernels_avx2 = {avx2::lookup, avx2::add_scaled, avx2::maximum,
                                                 avx2::divide, avx2::norm};
}  // namespace demitasse
