// Products of stacks of matrices, for every numeric type.
#pragma once

#include <cstdint>

#include "ops/registry.h"

namespace demitasse {

// How two operands of MatMul form a stack of products: vectors seen as matrices, batch dimensions
// broadcast, the last two dimensions of an operand swapped where asked.
struct MatMulPlan {
  int64_t m = 0, k = 0, n = 0;
  bool transpose_a = false, transpose_b = false;
  int32_t batch_rank = 0;
  int64_t batch_dims[DMT_MAX_RANK] = {};
  int64_t a_steps[DMT_MAX_RANK] = {};  // in matrices; 0 where broadcast
  int64_t b_steps[DMT_MAX_RANK] = {};
  int64_t batches = 1;

  // The matrices of product `index`.
  int64_t a_matrix(int64_t index) const { return offset(index, a_steps); }
  int64_t b_matrix(int64_t index) const { return offset(index, b_steps); }

 private:
  int64_t offset(int64_t index, const int64_t* steps) const {
    int64_t result = 0;
    for (int32_t axis = batch_rank - 1; axis >= 0; --axis) {
      result += index % batch_dims[axis] * steps[axis];
      index /= batch_dims[axis];
    }
    return result;
  }
};

// Fails unless a and b can be multiplied and give exactly the shape of `out`.
MatMulPlan plan_matmul(const OperatorCall& call, const TensorView& a, const TensorView& b,
                       const TensorView& out, bool transpose_a = false, bool transpose_b = false);

// out = alpha * a b, computed in f32 for the half types, wrapping around for integers.
void matmul(const OperatorCall& call, const MatMulPlan& plan, const TensorView& a,
            const TensorView& b, const TensorView& out, double alpha);

// [batches][m][k] x [batches][k][n] of f32, each stack contiguous.
void batched_matmul(const float* a, const float* b, float* c, int64_t batches, int64_t m, int64_t k,
                    int64_t n, const Executor& executor);

}  // namespace demitasse
