#include "conv/convolution_kernels.h"
#include "core/simd_avx512.h"
#include "gemm/tile_loop.h"

namespace demitasse::avx512 {
#include "conv/epilogue.inl"
#include "quantize/codes.inl"
// The others use it.
#include "conv/code_tile.inl"
#include "conv/depthwise.inl"
#include "conv/depthwise_quads.inl"
#include "conv/gate.inl"
#include "conv/mean.inl"
#include "conv/pool.inl"
#include "conv/tile.inl"
}  // namespace demitasse::avx512

namespace demitasse {
const ConvolutionKernels convolution_kernels_avx512 = {
    .lanes = avx512::kLanes,
    .panel_vectors = avx512::kRegisters == 32 ? 3 : 2,
    .tile = avx512::tile,
    .depthwise = avx512::depthwise<DepthwiseCall>,
    .code_tile = avx512::code_tile,
    .code_depthwise = nullptr,
    .code_quads = avx512::code_quads,
    .interleave = avx512::interleave,
    .mean = avx512::mean,
    .pool = avx512::pool,
    .code_pool = avx512::code_pool,
    .gate = avx512::gate,
    .code_panel_vectors = avx512::kRegisters == 32 ? 3 : 1,
};
}  // namespace demitasse
