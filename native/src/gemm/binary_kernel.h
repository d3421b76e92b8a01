// The contract between binary_weight.cpp and its micro-kernels.
#pragma once

#include <cstdint>

namespace demitasse {

// Rows of signs times a panel [k / 64][nr] of 64-bit words. What differs counts -1, what is equal
// +1:
//   sum = k - 2 * popcount(x xor w)
// The result is either y = float(sum) * scales[n] + bias[n], or one bit: sum >= thresholds[n].
struct BinaryCall {
  const uint64_t* x = nullptr;
  int64_t x_stride = 0;  // words
  int64_t rows = 0;
  const uint64_t* w = nullptr;
  int64_t steps = 0;  // words of k
  int32_t k = 0;

  float* out = nullptr;  // [rows][nr]; NULL: bits are wanted
  int64_t out_stride = 0;
  const float* scales = nullptr;  // [nr]
  const float* bias = nullptr;    // [nr]

  uint8_t* bits = nullptr;              // nr / 8 bytes of each row
  int64_t bits_stride = 0;              // bytes
  const int32_t* thresholds = nullptr;  // [nr]
};

struct BinaryKernel {
  int mr, nr;
  void (*run)(const BinaryCall& call);
};

extern const BinaryKernel binary_1x8_scalar;
extern const BinaryKernel binary_2x8_avx2;
extern const BinaryKernel binary_4x32_avx512popcnt;

}  // namespace demitasse
