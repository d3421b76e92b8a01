// Table lookup and pooling: the two ends of a text encoder.
#pragma once

#include <cstdint>

#include "core/tensor_view.h"
#include "cpu/isa.h"
#include "threads/executor.h"

namespace demitasse {

struct Embedding {
  const char* name = "";                     // for the message about a bad index
  TensorView table;                          // [entries][features]: f32, f16, bf16, s8, u8
  const float* row_scales = nullptr;         // s8, u8: [scale_count]
  const int32_t* row_zero_points = nullptr;  // [scale_count] or NULL
  int64_t scale_count = 0;                   // entries, or 1
  TensorView indices;                // [rows] s32 or s64; absent: the position in the sequence
  const int64_t* offsets = nullptr;  // sequences + 1 row numbers, for positions
  int64_t sequences = 0;
  bool accumulate = false;
  float* y = nullptr;  // [rows][features]
  // Where these rows begin in the whole batch, for messages.
  int64_t first_row = 0, first_sequence = 0;
};

// Fails with DMT_INVALID_ARGUMENT when an index is outside -entries .. entries - 1.
void embed(Isa isa, const Embedding& embedding, int64_t rows, const Executor& executor);

struct Pooling {
  const float* x = nullptr;  // [rows][features]
  TensorView mask;           // f32 or s64, one per row; or absent
  int64_t features = 0;
  int32_t kind = 0;  // dmt_pooling
  bool normalize = false;
  const int64_t* offsets = nullptr;
  int64_t sequences = 0;
  float* y = nullptr;  // [sequences][features]
};

void pool(Isa isa, const Pooling& pooling, const Executor& executor);

}  // namespace demitasse
