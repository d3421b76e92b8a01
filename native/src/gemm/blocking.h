// Cuts a linear operation into tasks and blocks, feeds the micro-kernel, applies the epilogue.
#pragma once

#include <cstdint>

#include "gemm/linear.h"
#include "gemm/micro_kernel.h"

namespace demitasse {

// The right operand, panel by panel.
class Panels {
 public:
  virtual ~Panels() = default;

  // The panel's values k_first .. k_first + k_count - 1 in the form the micro-kernel reads, 64-byte
  // aligned: in the packed weight itself or made in `scratch`, which holds k_block x nr elements.
  // k_first is a multiple of the kernel's k_block.
  virtual const void* block(int64_t panel, int64_t k_first, int64_t k_count,
                            void* scratch) const = 0;

  // What the groups of those k values share, [groups][width], for kernels of weights in groups;
  // zero_points: NULL if the linear says that there are none.
  virtual void groups(int64_t /*panel*/, int64_t /*k_first*/, int64_t /*k_count*/,
                      float* /*scales*/, int32_t* /*zero_points*/) const {}

  // Points the call to them as they are stored, for kernels that read them so.
  virtual void stored_groups(int64_t /*panel*/, int64_t /*k_first*/, PanelCall& /*call*/) const {}
};

struct BlockedLinear {
  Isa isa = Isa::scalar;
  const MicroKernel* kernel = nullptr;
  const Panels* panels = nullptr;
  int64_t k = 0, n = 0;

  // Per column, padded to whole panels. Scales: NULL for 1. The others are of kernels that read
  // INT8 codes, sums of those whose rows are codes, too.
  const float* column_scales = nullptr;
  const int32_t* column_sums = nullptr;
  const int32_t* column_zero_points = nullptr;  // NULL: all zero

  // Of kernels of weights in groups; k_block of the kernel is a multiple of group, or k or more.
  int64_t group = 0;  // 0: no groups
  bool group_zero_points = false;
  const float* column_offsets = nullptr;
  float level_step = 1;
  const int8_t* levels = nullptr;

  // The left operand: f32, or quantized for INT8 kernels.
  const float* x = nullptr;
  int64_t x_stride = 0;
  const QuantizedRows* quantized = nullptr;
  int64_t rows = 0;
  int64_t block_rows = 0;  // 0: the kernel's
};

void run_blocked(const BlockedLinear& linear, const Epilogue& epilogue, const Executor& executor);

// Width in columns of a panel: nr, and of the last one the columns left, rounded up to vectors.
int64_t panel_width(const MicroKernel& kernel, int64_t n, int64_t panel);

inline int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

inline int64_t quotient_up(int64_t value, int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

}  // namespace demitasse
