// The specification of attention: plain loops, sums in double precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attention/attention_kernels.h"

namespace demitasse {
namespace {

int64_t scratch_floats(const Attention&, int64_t) { return 0; }

float score(const Attention& a, const float* q, int64_t key, int64_t column) {
  const float* k = a.k + key * a.k_stride + column;
  double dot = 0;
  for (int64_t i = 0; i < a.head_dim; ++i) dot += double{q[i]} * k[i];
  const float mask = a.mask != nullptr ? a.mask[key] : 0;
  // A mask near the limits of float swallows the score, so it must be added in float.
  return static_cast<float>(dot * a.scale) + mask;
}

// `weights` holds a number per key.
void attend(const Attention& a, const AttentionTask& task, int64_t row, int64_t head,
            std::vector<double>& weights) {
  const int64_t column = head * a.head_dim;
  const float* q = a.q + row * a.q_stride + column;
  const int64_t first = task.sequence_begin;
  const int64_t keys = (a.causal ? row + 1 : task.sequence_end) - first;
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < keys; ++j) {
    weights[j] = score(a, q, first + j, column);
    largest = std::max(largest, weights[j]);
  }
  double total = 0;
  for (int64_t j = 0; j < keys; ++j) {
    weights[j] = std::exp(weights[j] - largest);
    total += weights[j];
  }
  float* y = task.y + (row - task.begin) * task.y_stride + column;
  for (int64_t i = 0; i < a.head_dim; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < keys; ++j)
      sum += weights[j] * a.v[(first + j) * a.v_stride + column + i];
    y[i] = static_cast<float>(sum / total);
  }
}

void run(const Attention& a, const AttentionTask& task, float*) {
  std::vector<double> weights(task.sequence_end - task.sequence_begin);
  for (int64_t row = task.begin; row < task.end; ++row) {
    for (int64_t head = 0; head < a.heads; ++head) attend(a, task, row, head, weights);
  }
}

}  // namespace

const AttentionKernels attention_kernels_scalar = {scratch_floats, run};

}  // namespace demitasse
