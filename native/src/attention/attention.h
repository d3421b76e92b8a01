// Fused scaled dot-product attention over ragged sequences:
//   y = softmax(scale * q k^T + mask) v, for each sequence and head        (Vaswani et al. 2017)
//
// The scalar level is the specification; the vector levels differ by at most 1e-5, relative to the
// larger of 1 and the value, for scores of moderate size. A sequence's result depends on that
// sequence alone: not on the threads, nor on the other sequences. Masks act as in numpy: a row
// whose keys are all masked by a large finite number weighs them equally, by -infinity becomes NaN.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "gemm/linear.h"

namespace demitasse {

struct Attention {
  // Row r of q starts at q + r * q_stride (floats); head h at column h * head_dim. k and v
  // likewise.
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  int64_t q_stride = 0, k_stride = 0, v_stride = 0;
  const float* mask = nullptr;  // added to the scores: one number per key row; or NULL
  int64_t heads = 0, head_dim = 0;
  float scale = 1;
  bool causal = false;
  // sequence s has rows offsets[s] .. offsets[s + 1] - 1
  const int64_t* offsets = nullptr;
  int64_t sequences = 0;
  float* y = nullptr;  // [rows][y_stride], or NULL
  int64_t y_stride = 0;
  Requantize requantize = Requantize::none;
  QuantizedRows quantized = {};  // instead of y
};

void attention(Isa isa, const Attention& attention, const Executor& executor);

}  // namespace demitasse
