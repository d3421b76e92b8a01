#include "ops/einsum.h"

#include <algorithm>
#include <vector>

#include "core/aligned_buffer.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/matmul.h"
#include "ops/strided_copy.h"

namespace demitasse {
namespace {

constexpr int32_t kMaxLabels = 32;

// Every operand as steps along labels: 0 where it lacks the label or repeats one element.
struct Plan {
  int32_t labels = 0;
  int64_t sizes[kMaxLabels] = {};
  bool in_output[kMaxLabels] = {};
  std::vector<std::vector<int64_t>> steps;  // of each input, then the output
};

// The steps of one operand; labels that occur twice (a diagonal) add up.
std::vector<int64_t> label_steps(const TensorView& tensor, std::span<const int64_t> labels,
                                 const Plan& plan) {
  int64_t steps[DMT_MAX_RANK];
  contiguous_steps({tensor.dims, static_cast<size_t>(tensor.rank)}, steps);
  std::vector<int64_t> result(kMaxLabels, 0);
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    const bool repeated = tensor.dims[axis] == 1 && plan.sizes[labels[axis]] != 1;
    if (!repeated) result[labels[axis]] += steps[axis];
  }
  return result;
}

Plan make_plan(const OperatorCall& call) {
  const TensorView& out = call.outputs[0];
  int64_t count = out.rank;
  for (const TensorView& input : call.inputs) count += input.rank;
  require_attributes(call, count);
  Plan plan;
  std::fill_n(plan.sizes, kMaxLabels, 1);  // also of labels that no operand has
  for (int64_t i = 0; i < count; ++i) {
    if (call.integers[i] < 0 || call.integers[i] >= kMaxLabels) {
      reject(call, "label %lld", static_cast<long long>(call.integers[i]));
    }
    plan.labels = std::max(plan.labels, static_cast<int32_t>(call.integers[i]) + 1);
  }
  const int64_t* labels = call.integers.data() + out.rank;
  bool known[kMaxLabels] = {};
  for (const TensorView& input : call.inputs) {
    for (int32_t axis = 0; axis < input.rank; ++axis, ++labels) {
      int64_t& size = plan.sizes[*labels];
      const int64_t given = input.dims[axis];
      if (known[*labels] && size != given && size != 1 && given != 1) {
        reject(call, "dimension %d of %s is %lld elsewhere", axis, describe(input).c_str(),
               static_cast<long long>(size));
      }
      if (!known[*labels] || size == 1) size = given;
      known[*labels] = true;
    }
  }
  int64_t expected[DMT_MAX_RANK];
  for (int32_t axis = 0; axis < out.rank; ++axis) {
    const int64_t label = call.integers[axis];
    if (!known[label] || plan.in_output[label]) reject(call, "bad output label on axis %d", axis);
    plan.in_output[label] = true;
    expected[axis] = plan.sizes[label];
  }
  require_shape(call, out, {expected, static_cast<size_t>(out.rank)});
  size_t at = out.rank;
  for (const TensorView& input : call.inputs) {
    plan.steps.push_back(label_steps(input, call.integers.subspan(at), plan));
    at += input.rank;
  }
  plan.steps.push_back(label_steps(out, call.integers, plan));
  return plan;
}

// Walks all combinations of some labels; offsets of the inputs go along.
class Walk {
 public:
  Walk(const Plan& plan, const std::vector<int32_t>& labels, size_t operands)
      : plan_(plan), labels_(labels), index_(labels.size(), 0), offsets_(operands, 0) {
    for (const int32_t label : labels) count_ *= plan.sizes[label];
  }

  int64_t count() const { return count_; }
  const std::vector<int64_t>& offsets() const { return offsets_; }

  void go_to(int64_t linear) {
    std::fill(offsets_.begin(), offsets_.end(), 0);
    for (size_t i = labels_.size(); i-- > 0;) {
      const int64_t size = plan_.sizes[labels_[i]];
      index_[i] = linear % size;
      linear /= size;
      for (size_t o = 0; o < offsets_.size(); ++o) {
        offsets_[o] += index_[i] * plan_.steps[o][labels_[i]];
      }
    }
  }

  void advance() {
    for (size_t i = labels_.size(); i-- > 0;) {
      const int64_t size = plan_.sizes[labels_[i]];
      const bool carry = ++index_[i] == size;
      const int64_t by = carry ? 1 - size : 1;
      if (carry) index_[i] = 0;
      for (size_t o = 0; o < offsets_.size(); ++o) {
        offsets_[o] += by * plan_.steps[o][labels_[i]];
      }
      if (!carry) return;
    }
  }

 private:
  const Plan& plan_;
  const std::vector<int32_t>& labels_;
  std::vector<int64_t> index_;
  std::vector<int64_t> offsets_;
  int64_t count_ = 1;
};

// Any equation, element by element of the output.
template <class T, class Sum>
void sum_products(const OperatorCall& call, const Plan& plan) {
  const TensorView& out = call.outputs[0];
  const size_t inputs = call.inputs.size();
  std::vector<int32_t> kept, summed;
  for (int32_t axis = 0; axis < out.rank; ++axis) {
    kept.push_back(static_cast<int32_t>(call.integers[axis]));
  }
  for (int32_t label = 0; label < plan.labels; ++label) {
    if (!plan.in_output[label]) summed.push_back(label);
  }
  const int64_t terms = Walk(plan, summed, inputs).count();
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, terms));
  call.executor.parallel_for(out.elements(), grain, [&](int64_t begin, int64_t end) {
    Walk outer(plan, kept, inputs), inner(plan, summed, inputs);
    outer.go_to(begin);
    for (int64_t i = begin; i < end; ++i, outer.advance()) {
      Sum sum(0);
      if (terms > 0) inner.go_to(0);
      for (int64_t term = 0; term < terms; ++term, inner.advance()) {
        Sum product(1);
        for (size_t o = 0; o < inputs; ++o) {
          const int64_t at = outer.offsets()[o] + inner.offsets()[o];
          product *= static_cast<Sum>(call.inputs[o].as<T>()[at]);
        }
        sum += product;
      }
      out.as<T>()[i] = T(sum);
    }
  });
}

// Copies an operand (input or output number `operand`, the result's layout or a new one) so that
// the groups of labels are its dimensions in order.
StridedView grouped(const Plan& plan, size_t operand,
                    std::span<const std::vector<int32_t>> groups) {
  StridedView view;
  for (const std::vector<int32_t>& group : groups) {
    for (const int32_t label : group) view.add(plan.sizes[label], plan.steps[operand][label]);
  }
  return view;
}

int64_t size_of(const Plan& plan, const std::vector<int32_t>& labels) {
  int64_t size = 1;
  for (const int32_t label : labels) size *= plan.sizes[label];
  return size;
}

// Two f32 inputs are a stack of matrix products: labels of both and the output number the stack,
// labels of both alone are summed over, the rest are rows and columns. False when some label does
// not fit into this.
bool multiply_matrices(const OperatorCall& call, const Plan& plan) {
  if (call.inputs.size() != 2) return false;
  std::vector<int32_t> batch, rows, columns, inner;
  for (int32_t label = 0; label < plan.labels; ++label) {
    const bool in_a = plan.steps[0][label] != 0, in_b = plan.steps[1][label] != 0;
    const bool in_output = plan.in_output[label];
    if (plan.sizes[label] == 1) continue;
    if (in_a && in_b) {
      (in_output ? batch : inner).push_back(label);
    } else if (in_output) {
      (in_a ? rows : columns).push_back(label);
    } else {
      return false;
    }
  }
  if (batch.size() + rows.size() + columns.size() + inner.size() > StridedView::kMaxRank) {
    return false;
  }
  const int64_t batches = size_of(plan, batch), m = size_of(plan, rows);
  const int64_t n = size_of(plan, columns), k = size_of(plan, inner);
  const TensorView& out = call.outputs[0];
  if (out.elements() == 0) return true;
  const AlignedBuffer<float> a(batches * m * k), b(batches * k * n), c(batches * m * n);
  const std::vector<int32_t> a_groups[] = {batch, rows, inner};
  const std::vector<int32_t> b_groups[] = {batch, inner, columns};
  const auto copy = [&](const StridedView& view, const float* from, float* to) {
    strided_copy(view, sizeof(float), from, to, call.executor);
  };
  copy(grouped(plan, 0, a_groups), call.inputs[0].as<float>(), a.data());
  copy(grouped(plan, 1, b_groups), call.inputs[1].as<float>(), b.data());
  batched_matmul(a.data(), b.data(), c.data(), batches, m, k, n, call.executor);
  // From [batch][rows][columns] to the output's order of labels.
  int64_t steps[kMaxLabels] = {};
  int64_t step = 1;
  for (const std::vector<int32_t>* group : {&columns, &rows, &batch}) {
    for (size_t i = group->size(); i-- > 0;) {
      steps[(*group)[i]] = step;
      step *= plan.sizes[(*group)[i]];
    }
  }
  StridedView view;
  for (int32_t axis = 0; axis < out.rank; ++axis) {
    view.add(out.dims[axis], steps[call.integers[axis]]);
  }
  copy(view, c.data(), out.as<float>());
  return true;
}

}  // namespace

void einsum(const OperatorCall& call) {
  require_tensors(call, std::max<size_t>(1, call.inputs.size()));
  for (const TensorView& input : call.inputs) require_same_dtype(call, input, call.outputs[0]);
  const Plan plan = make_plan(call);
  const int32_t dtype = call.outputs[0].dtype;
  if (dtype == DMT_F32 && multiply_matrices(call, plan)) return;
  dispatch_numeric(call, dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if constexpr (is_floating<T>) {
      sum_products<T, double>(call, plan);
    } else {
      sum_products<T, uint64_t>(call, plan);
    }
  });
}

}  // namespace demitasse
