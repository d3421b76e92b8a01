// The attention kernel of one instruction set level.
#pragma once

#include <cstdint>

#include "attention/attention.h"

namespace demitasse {

// Query rows begin .. end - 1 of one sequence, all heads; y row r goes to y + (r - begin) *
// y_stride.
struct AttentionTask {
  int64_t sequence_begin = 0, sequence_end = 0;  // rows
  int64_t begin = 0, end = 0;                    // rows
  float* y = nullptr;
  int64_t y_stride = 0;
};

struct AttentionKernels {
  // Floats of scratch memory that `run` needs for a task of so many query rows.
  int64_t (*scratch)(const Attention& attention, int64_t rows);
  void (*run)(const Attention& attention, const AttentionTask& task, float* scratch);
};

extern const AttentionKernels attention_kernels_scalar;
extern const AttentionKernels attention_kernels_avx2;
extern const AttentionKernels attention_kernels_avx512;

}  // namespace demitasse
