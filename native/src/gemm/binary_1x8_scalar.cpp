// The meaning of a binary product, in plain loops.
#include <bit>

#include "gemm/binary_kernel.h"

namespace demitasse {
namespace {

constexpr int kNr = 8;

void run(const BinaryCall& call) {
  for (int64_t m = 0; m < call.rows; ++m) {
    uint32_t bits = 0;
    for (int64_t j = 0; j < kNr; ++j) {
      int32_t count = 0;
      for (int64_t step = 0; step < call.steps; ++step) {
        count += std::popcount(call.x[m * call.x_stride + step] ^ call.w[step * kNr + j]);
      }
      const int32_t sum = call.k - 2 * count;
      if (call.out != nullptr) {
        const float y = static_cast<float>(sum) * call.scales[j];
        call.out[m * call.out_stride + j] = y + call.bias[j];
      } else {
        bits |= (sum >= call.thresholds[j] ? 1u : 0u) << j;
      }
    }
    if (call.out == nullptr) call.bits[m * call.bits_stride] = static_cast<uint8_t>(bits);
  }
}

}  // namespace

extern const BinaryKernel binary_1x8_scalar = {.mr = 1, .nr = kNr, .run = run};

}  // namespace demitasse
