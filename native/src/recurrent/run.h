// Recurrent layers: RNN, GRU (Cho et al. 2014) and LSTM (Hochreiter, Schmidhuber 1997) over packed
// weights.
#pragma once

#include <memory>
#include <span>

#include "recurrent/layer.h"

namespace demitasse {

// The matrices of one direction, each [k][n] as a linear operator has them.
struct RecurrentWeights {
  std::shared_ptr<const Weight> input;       // [inputs][width]; null where there are no inputs
  std::shared_ptr<const Weight> recurrence;  // [hidden][recurrent width]
  std::shared_ptr<const Weight> candidate;   // [hidden][hidden], where it is apart
};

// Everything as f32, in the layouts that the layer says; null where absent.
struct RecurrentTensors {
  const float* x = nullptr;
  const float* bias = nullptr;       // [directions][2 * width]
  const int32_t* lengths = nullptr;  // [batch]; clamped to 0 .. steps
  const float* initial_h = nullptr;
  const float* initial_c = nullptr;
  const float* peepholes = nullptr;  // [directions][3][hidden]: input, output, forget
  float* y = nullptr;
  float* last_h = nullptr;
  float* last_c = nullptr;
};

// All directions over all steps. With `quantizes`, rows of x and of the state are quantized to u8,
// each with its own scale and zero point, before they meet the weights, which are of integers then.
// Samples and directions go to different threads where there are enough of them; results do not
// depend on that.
void run_recurrent(Isa isa, const RecurrentLayer& layer, std::span<const RecurrentWeights> weights,
                   const RecurrentTensors& tensors, bool quantizes, const Executor& executor);

}  // namespace demitasse
