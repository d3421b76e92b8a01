// The specification of attention: plain loops, sums in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "attention/attention_kernels.h"

namespace demitasse {
namespace {

int64_t scratch_floats(const Attention&, int64_t) { return 0; }

double score(const Attention& a, const float* q, int64_t key, int64_t column) {
  const float* k = a.k + key * a.k_stride + column;
  double dot = 0;
  for (int64_t i = 0; i < a.head_dim; ++i) dot += double{q[i]} * k[i];
  const float mask = a.mask != nullptr ? a.mask[key] : 0;
  // A mask near the limits of float swallows the score, so it must be added in float.
  return static_cast<float>(dot * a.scale) + mask;
}

void attend(const Attention& a, const AttentionTask& task, int64_t row, int64_t head) {
  const int64_t column = head * a.head_dim;
  const float* q = a.q + row * a.q_stride + column;
  const int64_t keys_end = a.causal ? row + 1 : task.sequence_end;
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t key = task.sequence_begin; key < keys_end; ++key) {
    largest = std::max(largest, score(a, q, key, column));
  }
  double total = 0;
  for (int64_t key = task.sequence_begin; key < keys_end; ++key) {
    total += std::exp(score(a, q, key, column) - largest);
  }
  float* y = task.y + (row - task.begin) * task.y_stride + column;
  for (int64_t i = 0; i < a.head_dim; ++i) {
    double sum = 0;
    for (int64_t key = task.sequence_begin; key < keys_end; ++key) {
      const double weight = std::exp(score(a, q, key, column) - largest) / total;
      sum += weight * a.v[key * a.v_stride + column + i];
    }
    y[i] = static_cast<float>(sum);
  }
}

void run(const Attention& a, const AttentionTask& task, float*) {
  for (int64_t row = task.begin; row < task.end; ++row) {
    for (int64_t head = 0; head < a.heads; ++head) attend(a, task, row, head);
  }
}

}  // namespace

const AttentionKernels attention_kernels_scalar = {scratch_floats, run};

}  // namespace demitasse
