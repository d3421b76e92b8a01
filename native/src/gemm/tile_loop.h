// Runs a kernel's register tiles over the rows of a call (PanelCall or another with `rows`).
// Included by micro-kernels only: the anonymous namespace gives each its own copy, compiled for its
// own instruction set.
//
// gcc 12 keeps a tile's sums in registers only if every loop with a constant count carries UNROLL
// and the array's element type is the one of the instructions that read it (__v16si, not __m512i,
// where they are converted to float). Otherwise the array lives in memory and the kernel loses half
// its speed; kernel_registers_test looks for that.
#pragma once

#include <cstdint>

#include "gemm/micro_kernel.h"

#define UNROLL _Pragma("GCC unroll 64")
#define ALWAYS_INLINE __attribute__((always_inline)) inline

namespace demitasse {
namespace {

// Tile<MR, NV>::run(call, row) computes rows row .. row + MR - 1 of a panel NV vectors wide.
template <template <int, int> class Tile, int MR, int NV, class Call>
__attribute__((noinline)) void short_tile(const Call& call, int64_t row, int64_t count) {
  if constexpr (MR > 0) {
    if (count == MR) {
      Tile<MR, NV>::run(call, row);
    } else {
      short_tile<Tile, MR - 1, NV>(call, row, count);
    }
  }
}

// Rows are spread evenly: 9 rows in tiles of 8 are 5 + 4, not 8 + 1.
template <template <int, int> class Tile, int MR, int NV, class Call>
void all_tiles(const Call& call) {
  const int64_t tiles = (call.rows + MR - 1) / MR;
  int64_t row = 0;
  for (int64_t t = 1; t <= tiles; ++t) {
    const int64_t count = call.rows * t / tiles - row;
    if (count == MR) {
      Tile<MR, NV>::run(call, row);
    } else {
      short_tile<Tile, MR - 1, NV>(call, row, count);
    }
    row += count;
  }
}

}  // namespace
}  // namespace demitasse
