#include "ops/attention_operator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "cpu/isa.h"
#include "gemm/linear.h"
#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"
#include "ops/index.h"
#include "ops/strided_copy.h"

namespace demitasse {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// A tensor as [batch][heads][length][size], whatever its layout.
struct Heads {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  int64_t batch_step = 0, head_step = 0, row_step = 0;

  int64_t matrix(int64_t b, int64_t h) const { return b * batch_step + h * head_step; }

  StridedView view() const {
    StridedView view;
    view.add(batch, batch_step);
    view.add(heads, head_step);
    view.add(length, row_step);
    view.add(size, 1);
    return view;
  }
};

Heads contiguous_heads(int64_t batch, int64_t heads, int64_t length, int64_t size) {
  return {batch, heads, length, size, heads * length * size, length * size, size};
}

Heads heads_of(const OperatorCall& call, const TensorView& tensor, int64_t heads) {
  const int64_t* d = tensor.dims;
  if (tensor.rank == 4) return contiguous_heads(d[0], d[1], d[2], d[3]);
  if (tensor.rank != 3 || heads < 1 || d[2] % heads != 0) {
    reject(call, "%s cannot be seen as %lld heads", describe(tensor).c_str(),
           static_cast<long long>(heads));
  }
  const int64_t size = d[2] / heads;
  return {d[0], heads, d[1], size, d[1] * d[2], size, d[2]};
}

// The keys or values of all steps so far.
struct Sequence {
  Heads shape;
  const float* data = nullptr;
  std::optional<FloatValues> given;
  std::optional<AlignedBuffer<float>> joined;
};

void store(const OperatorCall& call, const Heads& shape, const float* data, const TensorView& out) {
  const int64_t expected[] = {shape.batch, shape.heads, shape.length, shape.size};
  require_shape(call, out, expected);
  const FloatResult result(call, out);
  strided_copy(shape.view(), sizeof(float), data, result.data(), call.executor);
  result.store();
}

void join_past(const OperatorCall& call, size_t input, size_t past_input, size_t output,
               Sequence& sequence) {
  const Heads now = heads_of(call, call.inputs[input], call.integers[2]);
  sequence.given.emplace(call, call.inputs[input]);
  sequence.shape = now;
  sequence.data = sequence.given->data();
  if (has_input(call, past_input)) {
    const TensorView& past_tensor = call.inputs[past_input];
    const Heads past = heads_of(call, past_tensor, 0);
    if (past.batch != now.batch || past.heads != now.heads || past.size != now.size) {
      reject(call, "the past %s does not fit %s", describe(past_tensor).c_str(),
             describe(call.inputs[input]).c_str());
    }
    const FloatValues before(call, past_tensor);
    const int64_t length = past.length + now.length;
    const Heads all = contiguous_heads(now.batch, now.heads, length, now.size);
    sequence.joined.emplace(now.batch * all.batch_step);
    for (int64_t b = 0; b < now.batch; ++b) {
      for (int64_t h = 0; h < now.heads; ++h) {
        float* to = sequence.joined->data() + all.matrix(b, h);
        to = std::copy_n(before.data() + past.matrix(b, h), past.length * past.size, to);
        for (int64_t t = 0; t < now.length; ++t) {
          to = std::copy_n(sequence.data + now.matrix(b, h) + t * now.row_step, now.size, to);
        }
      }
    }
    sequence.shape = all;
    sequence.data = sequence.joined->data();
  }
  if (output < call.outputs.size() && call.outputs[output].present()) {
    store(call, sequence.shape, sequence.data, call.outputs[output]);
  }
}

// What is added to the scores of [batch][heads][queries][keys]; keys beyond its own are masked.
class Mask {
 public:
  Mask(const OperatorCall& call, int64_t batch, int64_t heads, int64_t queries, int64_t keys)
      : keys_(keys) {
    if (!has_input(call, 3)) return;
    const TensorView& mask = call.inputs[3];
    const int64_t full[] = {batch, heads, queries};
    bool fits = mask.rank >= 2 && mask.rank <= 4 && mask.dims[mask.rank - 1] <= keys;
    given_ = fits ? mask.dims[mask.rank - 1] : 0;
    int64_t step = given_;
    for (int32_t axis = mask.rank - 2, target = 2; fits && axis >= 0; --axis, --target) {
      fits = mask.dims[axis] == 1 || mask.dims[axis] == full[target];
      steps_[target] = mask.dims[axis] == 1 ? 0 : step;
      step *= mask.dims[axis];
    }
    if (!fits) {
      reject(call, "the mask %s does not fit [%lld,%lld,%lld,%lld]", describe(mask).c_str(),
             static_cast<long long>(batch), static_cast<long long>(heads),
             static_cast<long long>(queries), static_cast<long long>(keys));
    }
    if (mask.dtype == DMT_BOOL) {
      allowed_ = mask.as<uint8_t>();
    } else {
      values_.emplace(call, mask);
    }
  }

  void add(int64_t b, int64_t h, int64_t query, float* scores) const {
    if (!values_ && allowed_ == nullptr) return;
    const int64_t at = b * steps_[0] + h * steps_[1] + query * steps_[2];
    for (int64_t j = 0; j < given_; ++j) {
      if (allowed_ == nullptr) {
        scores[j] += values_->data()[at + j];
      } else if (allowed_[at + j] == 0) {
        scores[j] = kNever;
      }
    }
    std::fill(scores + given_, scores + keys_, kNever);
  }

 private:
  int64_t keys_;
  int64_t given_ = 0;
  int64_t steps_[3] = {};
  const uint8_t* allowed_ = nullptr;
  std::optional<FloatValues> values_;
};

enum ScoresOutput { kProducts = 0, kCapped = 1, kMasked = 2, kProbabilities = 3 };

struct AttentionPlan {
  Heads q, y;
  Sequence keys, values;
  int64_t scores_output = kProducts;
  bool causal = false;
  float scale = 1, cap = 0;
  int64_t past = 0;
  std::vector<int64_t> valid;  // keys of each batch; empty: all
  const float* q_data = nullptr;
  float* y_data = nullptr;
  float* scores_data = nullptr;

  int64_t key_count() const { return keys.shape.length; }

  // Query i sees the keys before i + this.
  int64_t visible(int64_t b) const {
    if (!causal) return key_count();
    const bool cached = past == 0 && !valid.empty();
    return 1 + (cached ? valid[b] - q.length : past);
  }
};

// One head of one batch; scores is scratch of [queries][keys].
void attend(const AttentionPlan& plan, const Mask& mask, int64_t b, int64_t h, float* scores) {
  const int64_t queries = plan.q.length, keys = plan.key_count();
  const int64_t kv_head = h / (plan.q.heads / plan.keys.shape.heads);
  const Heads& k = plan.keys.shape;
  const Heads& v = plan.values.shape;
  const Isa isa = active_isa();
  float* output = plan.scores_data == nullptr
                      ? nullptr
                      : plan.scores_data + (b * plan.q.heads + h) * queries * keys;
  const auto keep = [&](ScoresOutput stage) {
    if (output != nullptr && plan.scores_output == stage) {
      std::copy_n(scores, queries * keys, output);
    }
  };
  matmul_f32(isa, plan.q_data + plan.q.matrix(b, h), plan.q.row_step,
             plan.keys.data + k.matrix(b, kv_head), 1, k.row_step, scores, keys, queries, k.size,
             keys, serial_executor());
  for (int64_t i = 0; i < queries * keys; ++i) scores[i] *= plan.scale;
  keep(kProducts);
  for (int64_t i = 0; plan.cap > 0 && i < queries * keys; ++i) {
    scores[i] = plan.cap * std::tanh(scores[i] / plan.cap);
  }
  keep(kCapped);
  for (int64_t i = 0; i < queries; ++i) {
    float* row = scores + i * keys;
    mask.add(b, h, i, row);
    int64_t end = plan.causal ? i + plan.visible(b) : keys;
    if (!plan.valid.empty()) end = std::min(end, plan.valid[b]);
    std::fill(row + std::clamp<int64_t>(end, 0, keys), row + keys, kNever);
  }
  keep(kMasked);
  softmax_rows(isa, scores, scores, keys, queries, serial_executor());
  keep(kProbabilities);
  matmul_f32(isa, scores, keys, plan.values.data + v.matrix(b, kv_head), v.row_step, 1,
             plan.y_data + plan.y.matrix(b, h), plan.y.row_step, queries, keys, v.size,
             serial_executor());
}

void check_shapes(const OperatorCall& call, const AttentionPlan& plan) {
  const Heads& q = plan.q;
  const Heads& k = plan.keys.shape;
  const Heads& v = plan.values.shape;
  if (k.batch != q.batch || v.batch != q.batch || k.heads != v.heads || k.heads == 0 ||
      q.heads % k.heads != 0 || k.size != q.size || k.length != v.length || k.length == 0 ||
      k.size == 0) {
    reject(call, "%s, %s and %s do not fit each other", describe(call.inputs[0]).c_str(),
           describe(call.inputs[1]).c_str(), describe(call.inputs[2]).c_str());
  }
  if (call.inputs[0].rank == 3) {
    const int64_t expected[] = {q.batch, q.length, q.heads * v.size};
    require_shape(call, call.outputs[0], expected);
  } else {
    const int64_t expected[] = {q.batch, q.heads, q.length, v.size};
    require_shape(call, call.outputs[0], expected);
  }
}

}  // namespace

void attention_operator(const OperatorCall& call) {
  require_tensors(call, 3);
  require_attributes(call, 4, 2);
  AttentionPlan plan;
  plan.q = heads_of(call, call.inputs[0], call.integers[1]);
  plan.causal = call.integers[0] != 0;
  plan.scores_output = call.integers[3];
  plan.scale = static_cast<float>(call.floats[0]);
  plan.cap = static_cast<float>(call.floats[1]);
  join_past(call, 1, 4, 1, plan.keys);
  join_past(call, 2, 5, 2, plan.values);
  check_shapes(call, plan);
  plan.y = heads_of(call, call.outputs[0], plan.q.heads);
  if (has_input(call, 4)) plan.past = call.inputs[4].dims[2];
  if (has_input(call, 6)) {
    const int64_t expected[] = {plan.q.batch};
    require_shape(call, call.inputs[6], expected);
    plan.valid = read_integers(call, call.inputs[6]);
    for (const int64_t count : plan.valid) {
      if (count < 0 || count > plan.key_count()) {
        reject(call, "%lld valid keys of %lld", static_cast<long long>(count),
               static_cast<long long>(plan.key_count()));
      }
    }
  }
  const FloatValues q(call, call.inputs[0]);
  const FloatResult y(call, call.outputs[0]);
  plan.q_data = q.data();
  plan.y_data = y.data();
  const int64_t queries = plan.q.length, keys = plan.key_count();
  std::optional<FloatResult> scores;
  if (call.outputs.size() > 3 && call.outputs[3].present()) {
    const int64_t expected[] = {plan.q.batch, plan.q.heads, queries, keys};
    require_shape(call, call.outputs[3], expected);
    plan.scores_data = scores.emplace(call, call.outputs[3]).data();
  }
  const Mask mask(call, plan.q.batch, plan.q.heads, queries, keys);
  if (queries > 0) {
    call.executor.parallel_for(plan.q.batch * plan.q.heads, 1, [&](int64_t begin, int64_t end) {
      const AlignedBuffer<float> scratch(queries * keys);
      for (int64_t i = begin; i < end; ++i) {
        attend(plan, mask, i / plan.q.heads, i % plan.q.heads, scratch.data());
      }
    });
  }
  y.store();
  if (scores) scores->store();
}

void rotary_embedding(const OperatorCall& call) {
  require_tensors(call, 3);
  require_attributes(call, 3);
  const TensorView& in = call.inputs[0];
  const TensorView& cosines = call.inputs[1];
  require_same_shape(call, in, call.outputs[0]);
  require_same_shape(call, cosines, call.inputs[2]);
  const bool neighbours = call.integers[0] != 0;
  const Heads x = heads_of(call, in, call.integers[1]);
  const int64_t rotated = call.integers[2] == 0 ? x.size : call.integers[2];
  const int64_t half = rotated / 2;
  if (rotated < 0 || rotated > x.size || rotated % 2 != 0) {
    reject(call, "%lld of %lld features cannot be rotated", static_cast<long long>(rotated),
           static_cast<long long>(x.size));
  }
  if (in.elements() == 0) return;
  std::vector<int64_t> rows(x.batch * x.length);  // of the tables
  if (has_input(call, 3)) {
    const int64_t ids[] = {x.batch, x.length};
    require_shape(call, call.inputs[3], ids);
    if (cosines.rank != 2 || cosines.dims[1] != half) {
      reject(call, "the table %s for %lld angles", describe(cosines).c_str(),
             static_cast<long long>(half));
    }
    rows = read_integers(call, call.inputs[3]);
    for (int64_t& row : rows) row = checked_index(call, row, cosines.dims[0]);
  } else {
    const int64_t expected[] = {x.batch, x.length, half};
    require_shape(call, cosines, expected);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  }
  const FloatValues from(call, in), cosine(call, cosines), sine(call, call.inputs[2]);
  const FloatResult to(call, call.outputs[0]);
  for (int64_t b = 0; b < x.batch; ++b) {
    for (int64_t h = 0; h < x.heads; ++h) {
      for (int64_t t = 0; t < x.length; ++t) {
        const int64_t at = x.matrix(b, h) + t * x.row_step;
        const int64_t row = rows[b * x.length + t] * half;
        for (int64_t i = 0; i < half; ++i) {
          const int64_t first = at + (neighbours ? 2 * i : i);
          const int64_t second = neighbours ? first + 1 : first + half;
          const float c = cosine.data()[row + i], s = sine.data()[row + i];
          const float re = from.data()[first], im = from.data()[second];
          to.data()[first] = c * re - s * im;
          to.data()[second] = s * re + c * im;
        }
        std::copy(from.data() + at + rotated, from.data() + at + x.size, to.data() + at + rotated);
      }
    }
  }
  to.store();
}

}  // namespace demitasse
