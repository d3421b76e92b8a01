// The register tile of floating convolution. Registers: avx512 8 x 3 sums + 3 of the panel + 1
// broadcast = 28 of 32; avx2 6 x 2 + 2 + 1 = 15 of 16. A sum is built by FMA in the order of the
// panel, whatever the tile and the thread, so both levels give the same bits.
#pragma once

namespace {

constexpr int kTileRows = kRegisters == 32 ? 8 : 6;

template <int MR, int NV>
struct ConvolutionTile {
  static ALWAYS_INLINE void run(const ConvolutionTileCall& call, int64_t row) {
    Floats sums[MR][NV];
    UNROLL for (int i = 0; i < MR; ++i) { UNROLL for (int j = 0; j < NV; ++j) sums[i][j] = zero(); }
    // Three pixels share a pointer so that eight of them need few registers.
    const int64_t stride = call.stride;
    const float* w = call.w;
    for (int64_t segment = 0; segment < call.segments; ++segment) {
      const float* x[(MR + 2) / 3];
      UNROLL for (int g = 0; g < (MR + 2) / 3; ++g) {
        x[g] = call.x + call.offsets[segment] + (row + 3 * g) * stride;
      }
      for (int64_t step = call.steps; step > 0; --step) {
        Floats b[NV];
        UNROLL for (int j = 0; j < NV; ++j) b[j] = load(w + kLanes * j);
        w += kLanes * NV;
        UNROLL for (int i = 0; i < MR; ++i) {
          const Floats a = broadcast(x[i / 3][(i % 3) * stride]);
          UNROLL for (int j = 0; j < NV; ++j) sums[i][j] = fma(a, b[j], sums[i][j]);
        }
        UNROLL for (int g = 0; g < (MR + 2) / 3; ++g)++ x[g];
      }
    }
    alignas(64) float results[MR][NV][kLanes];
    UNROLL for (int i = 0; i < MR; ++i) {
      UNROLL for (int j = 0; j < NV; ++j) store(results[i][j], sums[i][j]);
    }
    finish({results[0][0], MR, NV, call.tail, row * call.epilogue.stride}, call.epilogue);
  }
};

void tile(const ConvolutionTileCall& call) {
  if constexpr (kRegisters == 32) {
    if (call.vectors == 3) return all_tiles<ConvolutionTile, kTileRows, 3>(call);
  }
  if (call.vectors == 2) return all_tiles<ConvolutionTile, kTileRows, 2>(call);
  all_tiles<ConvolutionTile, kTileRows, 1>(call);
}

}  // namespace
