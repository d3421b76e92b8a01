#include "conv/convolution_kernels.h"
#include "core/simd_avx2.h"
#include "gemm/tile_loop.h"

namespace demitasse::avx2 {
#include "conv/epilogue.inl"
// The others use it.
#include "conv/depthwise.inl"
#include "conv/tile.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const ConvolutionKernels convolution_kernels_avx2 = {
    .lanes = avx2::kLanes,
    .panel_vectors = avx2::kRegisters == 32 ? 3 : 2,
    .tile = avx2::tile,
    .depthwise = avx2::depthwise,
};
}  // namespace demitasse
