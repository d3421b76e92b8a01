#include "attention/attention.h"

#include <algorithm>
#include <vector>

#include "attention/attention_kernels.h"
#include "core/aligned_buffer.h"
#include "norm/rows.h"

namespace demitasse {
namespace {

const AttentionKernels& attention_kernels(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return attention_kernels_avx512;
    case Isa::avx2:
      return attention_kernels_avx2;
    default:
      return attention_kernels_scalar;
  }
}

// Query rows of a task. Each task packs the keys and values of its sequence anew, which costs about
// as much as 4 query rows: long tasks waste little, short ones keep all threads busy.
constexpr int64_t kLongestTask = 256;
constexpr int64_t kShortestTask = 48;

int64_t task_rows(int64_t rows, int64_t threads) {
  if (threads == 1) return kLongestTask;
  // Two tasks per thread even out their speeds, unless that makes the tasks short.
  const int64_t per_thread = (rows + threads - 1) / threads;
  const int64_t wanted = per_thread >= 4 * kShortestTask ? (per_thread + 1) / 2 : per_thread;
  return std::clamp(wanted, kShortestTask, kLongestTask);
}

std::vector<AttentionTask> tasks(const Attention& a, int threads) {
  const int64_t longest = task_rows(a.offsets[a.sequences] - a.offsets[0], threads);
  std::vector<AttentionTask> tasks;
  for (int64_t s = 0; s < a.sequences; ++s) {
    const int64_t begin = a.offsets[s], end = a.offsets[s + 1];
    const int64_t parts = (end - begin + longest - 1) / longest;
    for (int64_t part = 0; part < parts; ++part) {
      tasks.push_back({.sequence_begin = begin,
                       .sequence_end = end,
                       .begin = begin + (end - begin) * part / parts,
                       .end = begin + (end - begin) * (part + 1) / parts});
    }
  }
  return tasks;
}

QuantizedRows rows_from(const QuantizedRows& q, int64_t row) {
  QuantizedRows result = q;
  result.codes += row * q.stride;
  result.scales += row * q.parameter_step;
  result.zero_points += row * q.parameter_step;
  return result;
}

}  // namespace

void attention(Isa isa, const Attention& a, const Executor& executor) {
  const AttentionKernels& kernels = attention_kernels(isa);
  const std::vector<AttentionTask> all = tasks(a, executor.threads());
  const int64_t features = a.heads * a.head_dim;
  const bool quantized = a.requantize != Requantize::none;
  executor.parallel_for(static_cast<int64_t>(all.size()), 1, [&](int64_t begin, int64_t end) {
    int64_t rows = 0;
    for (int64_t i = begin; i < end; ++i) rows = std::max(rows, all[i].end - all[i].begin);
    const AlignedBuffer<float> scratch(kernels.scratch(a, rows));
    const AlignedBuffer<float> result(quantized ? rows * features : 0);
    for (int64_t i = begin; i < end; ++i) {
      AttentionTask task = all[i];
      task.y = quantized ? result.data() : a.y + task.begin * a.y_stride;
      task.y_stride = quantized ? features : a.y_stride;
      kernels.run(a, task, scratch.data());
      if (quantized) {
        quantize_rows(isa, task.y, task.y_stride, features, task.end - task.begin, a.requantize,
                      rows_from(a.quantized, task.begin), serial_executor());
      }
    }
  });
}

}  // namespace demitasse
