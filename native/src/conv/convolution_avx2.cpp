#include "conv/convolution_kernels.h"
#include "core/simd_avx2.h"
#include "gemm/tile_loop.h"

namespace demitasse::avx2 {
#include "conv/epilogue.inl"
#include "quantize/codes.inl"
// The others use it.
#include "conv/code_tile.inl"
#include "conv/depthwise.inl"
#include "conv/gate.inl"
#include "conv/mean.inl"
#include "conv/pool.inl"
#include "conv/tile.inl"
}  // namespace demitasse::avx2

namespace demitasse {
const ConvolutionKernels convolution_kernels_avx2 = {
    .lanes = avx2::kLanes,
    .panel_vectors = avx2::kRegisters == 32 ? 3 : 2,
    .tile = avx2::tile,
    .depthwise = avx2::depthwise<DepthwiseCall>,
    .code_tile = avx2::code_tile,
    .code_depthwise = avx2::depthwise<CodeDepthwiseCall>,
    .code_quads = nullptr,
    .interleave = nullptr,
    .mean = avx2::mean,
    .pool = avx2::pool,
    .code_pool = avx2::code_pool,
    .gate = avx2::gate,
    .code_panel_vectors = avx2::kRegisters == 32 ? 3 : 1,
};
}  // namespace demitasse
