// Products of matrices.
#include <algorithm>
#include <optional>

#include "ops/arguments.h"
#include "ops/broadcast.h"
#include "ops/dispatch.h"
#include "ops/einsum.h"
#include "ops/float_values.h"
#include "ops/integer_matmul.h"
#include "ops/matmul.h"
#include "ops/registry.h"

namespace demitasse {
namespace {

// integers: 1 to swap the last two dimensions, for each input; floats: factor of the product.
void matmul_operator(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 2, 1);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[1];
  const MatMulPlan plan =
      plan_matmul(call, a, b, call.outputs[0], call.integers[0] != 0, call.integers[1] != 0);
  matmul(call, plan, a, b, call.outputs[0], call.floats[0]);
}

// out += beta * c, broadcast.
template <class T, class Sum>
void add_scaled(const OperatorCall& call, const TensorView& c, Sum beta) {
  const TensorView& out = call.outputs[0];
  const auto plan = make_broadcast(call, out, out, c);
  for_each_row(plan, call.executor, kElementGrain, [&](int64_t first, auto offsets, int64_t count) {
    T* to = out.as<T>() + first;
    const T* from = c.as<T>() + offsets[1];
    const int64_t step = plan.row_step(1);
    for (int64_t i = 0; i < count; ++i) {
      to[i] = static_cast<T>(static_cast<Sum>(to[i]) + beta * static_cast<Sum>(from[i * step]));
    }
  });
}

// y = alpha a b + beta c. integers: 1 to transpose a, b; floats: alpha, beta.
template <class T, class Sum>
void gemm_of(const OperatorCall& call, const MatMulPlan& plan) {
  const TensorView& out = call.outputs[0];
  matmul(call, plan, call.inputs[0], call.inputs[1], out, call.floats[0]);
  if (has_input(call, 2) && call.floats[1] != 0) {
    add_scaled<T, Sum>(call, call.inputs[2], static_cast<Sum>(call.floats[1]));
  }
}

// The same for a half type: rounded once, at the end.
void gemm_of_halves(const OperatorCall& call) {
  TensorView inputs[3] = {};
  std::optional<FloatValues> values[3];
  for (size_t i = 0; i < 3; ++i) {
    if (!has_input(call, i)) continue;
    inputs[i] = call.inputs[i];
    inputs[i].dtype = DMT_F32;
    inputs[i].data = const_cast<float*>(values[i].emplace(call, call.inputs[i]).data());
  }
  const FloatResult result(call, call.outputs[0]);
  TensorView out = call.outputs[0];
  out.data = result.data();
  out.dtype = DMT_F32;
  const OperatorCall floats{call.name,     inputs,      {&out, 1},
                            call.integers, call.floats, call.executor};
  const MatMulPlan plan =
      plan_matmul(floats, inputs[0], inputs[1], out, call.integers[0] != 0, call.integers[1] != 0);
  gemm_of<float, float>(floats, plan);
  result.store();
}

void gemm(const OperatorCall& call) {
  require_tensors(call, 2);
  require_attributes(call, 2, 2);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[1];
  const TensorView& out = call.outputs[0];
  if (a.rank != 2 || b.rank != 2) {
    reject(call, "needs matrices, given %s and %s", describe(a).c_str(), describe(b).c_str());
  }
  require_same_dtype(call, a, out);
  require_same_dtype(call, a, b);
  if (has_input(call, 2)) require_same_dtype(call, a, call.inputs[2]);
  if (a.dtype == DMT_F16 || a.dtype == DMT_BF16) return gemm_of_halves(call);
  const MatMulPlan plan =
      plan_matmul(call, a, b, out, call.integers[0] != 0, call.integers[1] != 0);
  dispatch_numeric(call, a.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if constexpr (std::is_floating_point_v<T>) {
      gemm_of<T, T>(call, plan);
    } else if constexpr (std::is_integral_v<T>) {
      if (has_input(call, 2) && call.floats[1] != 1) reject(call, "beta is %g", call.floats[1]);
      gemm_of<T, uint64_t>(call, plan);
    }
  });
}

constexpr OperatorEntry kOperators[] = {
    {"DynamicQuantizeMatMul", dynamic_quantize_matmul},
    {"Einsum", einsum},
    {"Gemm", gemm},
    {"MatMul", matmul_operator},
    {"MatMulInteger", matmul_integer},
    {"MatMulIntegerToFloat", matmul_integer_to_float},
    {"QLinearMatMul", qlinear_matmul},
};

}  // namespace

std::span<const OperatorEntry> linear_operators() { return kOperators; }

}  // namespace demitasse
