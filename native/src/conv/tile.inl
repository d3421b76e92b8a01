// The register tile of floating convolution. Registers: avx512 8 x 3 sums + 3 of the panel + 1
// broadcast = 28 of 32; avx2 6 x 2 + 2 + 1 = 15 of 16. A sum is built by FMA in the order of the
// panel, whatever the tile and the thread, so both levels give the same bits.
#pragma once

namespace {

constexpr int kTileRows = kRegisters == 32 ? 8 : 6;

template <int MR, int NV>
struct ConvolutionTile {
  template <bool Clamped, class Lanes>
  static ALWAYS_INLINE void finish(const TileEpilogue& epilogue, const Floats (&sums)[MR][NV],
                                   int64_t row, Lanes last) {
    UNROLL for (int j = 0; j < NV; ++j) {
      const Floats bias = load(epilogue.bias + j * kLanes);
      int64_t at = row * epilogue.stride + j * kLanes;
      UNROLL for (int i = 0; i < MR; ++i) {
        if (j < NV - 1) {
          finish_vector<Clamped>(epilogue, sums[i][j], bias, at, Every{});
        } else {
          finish_vector<Clamped>(epilogue, sums[i][j], bias, at, last);
        }
        at += epilogue.stride;
      }
    }
  }

  template <bool Clamped>
  static ALWAYS_INLINE void finish(const ConvolutionTileCall& call, const Floats (&sums)[MR][NV],
                                   int64_t row) {
    // Masks cost nothing at the avx512 level, and less code.
    if (kRegisters == 16 && call.tail == kLanes) {
      finish<Clamped>(call.epilogue, sums, row, Every{});
    } else {
      finish<Clamped>(call.epilogue, sums, row, first(call.tail));
    }
  }

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
    if (call.epilogue.clamp.used) {
      finish<true>(call, sums, row);
    } else {
      finish<false>(call, sums, row);
    }
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
