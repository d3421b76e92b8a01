#include "ops/matmul.h"

#include <algorithm>
#include <vector>

#include "cpu/isa.h"
#include "gemm/linear.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"
#include "ops/strided_copy.h"

namespace demitasse {
namespace {

// A product below this many multiplications is not worth waking a thread.
constexpr int64_t kProductGrain = 1 << 16;

struct Matrix {
  int64_t rows = 1, columns = 1;
  int32_t batch_rank = 0;
};

// A vector is a row on the left of a product, a column on the right.
Matrix as_matrix(const TensorView& tensor, bool left, bool transposed) {
  if (tensor.rank == 1) {
    return left ? Matrix{1, tensor.dims[0], 0} : Matrix{tensor.dims[0], 1, 0};
  }
  const int64_t rows = tensor.dims[tensor.rank - 2], columns = tensor.dims[tensor.rank - 1];
  return transposed ? Matrix{columns, rows, tensor.rank - 2}
                    : Matrix{rows, columns, tensor.rank - 2};
}

// One row of a product, with plain loops in the order that reads b row by row.
template <class T, class Sum>
void multiply_row(const MatMulPlan& plan, const T* a, int64_t a_step, const T* b, Sum* sums) {
  const int64_t b_row = plan.transpose_b ? 1 : plan.n, b_column = plan.transpose_b ? plan.k : 1;
  std::fill_n(sums, plan.n, Sum(0));
  for (int64_t k = 0; k < plan.k; ++k) {
    const Sum x = static_cast<Sum>(a[k * a_step]);
    const T* row = b + k * b_row;
    for (int64_t j = 0; j < plan.n; ++j) sums[j] += x * static_cast<Sum>(row[j * b_column]);
  }
}

// Sum is what sums of T are kept in.
template <class T, class Sum>
void multiply_rows(const OperatorCall& call, const MatMulPlan& plan, const TensorView& a,
                   const TensorView& b, const TensorView& out, Sum alpha) {
  const int64_t a_row = plan.transpose_a ? 1 : plan.k, a_step = plan.transpose_a ? plan.m : 1;
  const int64_t work = std::max<int64_t>(1, plan.n * plan.k);
  const int64_t grain = std::max<int64_t>(1, kProductGrain / work);
  call.executor.parallel_for(plan.batches * plan.m, grain, [&](int64_t begin, int64_t end) {
    std::vector<Sum> sums(plan.n);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t batch = row / plan.m;
      const T* x = a.as<T>() + plan.a_matrix(batch) * plan.m * plan.k + row % plan.m * a_row;
      const T* y = b.as<T>() + plan.b_matrix(batch) * plan.k * plan.n;
      multiply_row(plan, x, a_step, y, sums.data());
      T* to = out.as<T>() + row * plan.n;
      for (int64_t j = 0; j < plan.n; ++j) to[j] = static_cast<T>(sums[j] * alpha);
    }
  });
}

void scale(float* values, int64_t count, float alpha, const Executor& executor) {
  if (alpha == 1) return;
  executor.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] *= alpha;
  });
}

// One matrix times each of a stack, or a stack whose products are split over the threads, or one
// large product that is split itself.
void multiply_floats(const MatMulPlan& plan, const float* a, const float* b, float* c,
                     const Executor& executor) {
  const Isa isa = active_isa();
  const int64_t a_size = plan.m * plan.k, b_size = plan.k * plan.n, c_size = plan.m * plan.n;
  const int64_t b_k_step = plan.transpose_b ? 1 : plan.n;
  const int64_t b_n_step = plan.transpose_b ? plan.k : 1;
  if (plan.k == 0) {
    std::fill_n(c, plan.batches * c_size, 0.0f);
    return;
  }
  int64_t matrices = 1;  // of a
  for (int32_t i = 0; i < plan.batch_rank; ++i) {
    if (plan.a_steps[i] != 0) matrices *= plan.batch_dims[i];
  }
  const AlignedBuffer<float> a_rows(plan.transpose_a ? matrices * a_size : 0);
  if (plan.transpose_a) {
    StridedView view;
    view.add(matrices, a_size);
    view.add(plan.m, 1);
    view.add(plan.k, plan.m);
    strided_copy(view, sizeof(float), a, a_rows.data(), executor);
    a = a_rows.data();
  }
  const bool b_is_shared = std::all_of(plan.b_steps, plan.b_steps + plan.batch_rank,
                                       [](int64_t step) { return step == 0; });
  const bool a_is_whole = matrices == plan.batches;
  if (b_is_shared && a_is_whole) {
    matmul_f32(isa, a, plan.k, b, b_k_step, b_n_step, c, plan.n, plan.batches * plan.m, plan.k,
               plan.n, executor);
    return;
  }
  const auto product = [&](int64_t i, const Executor& threads) {
    matmul_f32(isa, a + plan.a_matrix(i) * a_size, plan.k, b + plan.b_matrix(i) * b_size, b_k_step,
               b_n_step, c + i * c_size, plan.n, plan.m, plan.k, plan.n, threads);
  };
  if (plan.batches < executor.threads()) {
    for (int64_t i = 0; i < plan.batches; ++i) product(i, executor);
    return;
  }
  const int64_t work = std::max<int64_t>(1, c_size * std::max<int64_t>(1, plan.k));
  const int64_t grain = std::max<int64_t>(1, kProductGrain * 16 / work);
  executor.parallel_for(plan.batches, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) product(i, serial_executor());
  });
}

}  // namespace

MatMulPlan plan_matmul(const OperatorCall& call, const TensorView& a, const TensorView& b,
                       const TensorView& out, bool transpose_a, bool transpose_b) {
  if (a.rank == 0 || b.rank == 0) {
    reject(call, "cannot multiply %s and %s", describe(a).c_str(), describe(b).c_str());
  }
  const Matrix left = as_matrix(a, true, transpose_a), right = as_matrix(b, false, transpose_b);
  if (left.columns != right.rows) {
    reject(call, "cannot multiply %s and %s: %lld is not %lld", describe(a).c_str(),
           describe(b).c_str(), static_cast<long long>(left.columns),
           static_cast<long long>(right.rows));
  }
  MatMulPlan plan;
  plan.m = left.rows;
  plan.k = left.columns;
  plan.n = right.columns;
  plan.transpose_a = transpose_a && a.rank > 1;
  plan.transpose_b = transpose_b && b.rank > 1;
  plan.batch_rank = std::max(left.batch_rank, right.batch_rank);
  int64_t a_step = 1, b_step = 1;
  int64_t expected[DMT_MAX_RANK];
  for (int32_t axis = plan.batch_rank - 1; axis >= 0; --axis) {
    const int32_t a_axis = axis - (plan.batch_rank - left.batch_rank);
    const int32_t b_axis = axis - (plan.batch_rank - right.batch_rank);
    const int64_t a_dim = a_axis < 0 ? 1 : a.dims[a_axis];
    const int64_t b_dim = b_axis < 0 ? 1 : b.dims[b_axis];
    if (a_dim != b_dim && a_dim != 1 && b_dim != 1) {
      reject(call, "cannot multiply %s and %s", describe(a).c_str(), describe(b).c_str());
    }
    plan.batch_dims[axis] = expected[axis] = a_dim == 1 ? b_dim : a_dim;
    plan.a_steps[axis] = a_dim == 1 ? 0 : a_step;
    plan.b_steps[axis] = b_dim == 1 ? 0 : b_step;
    a_step *= a_dim;
    b_step *= b_dim;
    plan.batches *= expected[axis];
  }
  int64_t* end = expected + plan.batch_rank;
  if (a.rank > 1) *end++ = plan.m;
  if (b.rank > 1) *end++ = plan.n;
  require_shape(call, out, {expected, end});
  return plan;
}

void matmul(const OperatorCall& call, const MatMulPlan& plan, const TensorView& a,
            const TensorView& b, const TensorView& out, double alpha) {
  require_same_dtype(call, a, b);
  require_same_dtype(call, a, out);
  if (out.elements() == 0) return;
  switch (a.dtype) {
    case DMT_F32:
    case DMT_F16:
    case DMT_BF16: {
      const FloatValues x(call, a), y(call, b);
      const FloatResult result(call, out);
      multiply_floats(plan, x.data(), y.data(), result.data(), call.executor);
      scale(result.data(), out.elements(), static_cast<float>(alpha), call.executor);
      result.store();
      return;
    }
    case DMT_F64:
      return multiply_rows<double, double>(call, plan, a, b, out, alpha);
    default:
      if (alpha != 1) reject(call, "alpha is %g for integers", alpha);
      // Unsigned sums wrap around; their low bits are those of a signed sum.
      dispatch_integer(call, a.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        multiply_rows<T, uint64_t>(call, plan, a, b, out, 1);
      });
  }
}

void batched_matmul(const float* a, const float* b, float* c, int64_t batches, int64_t m, int64_t k,
                    int64_t n, const Executor& executor) {
  MatMulPlan plan;
  plan.m = m;
  plan.k = k;
  plan.n = n;
  plan.batch_rank = 1;
  plan.batch_dims[0] = plan.batches = batches;
  plan.a_steps[0] = plan.b_steps[0] = 1;
  multiply_floats(plan, a, b, c, executor);
}

}  // namespace demitasse
