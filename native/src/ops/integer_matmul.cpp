#include "ops/integer_matmul.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/aligned_buffer.h"
#include "cpu/isa.h"
#include "norm/rows.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"
#include "ops/matmul.h"

namespace demitasse {
namespace {

constexpr int64_t kProductGrain = 1 << 16;

// A parameter that is one number, or one for each row or column.
template <class T>
class Parameters {
 public:
  Parameters(std::vector<T> values) : values_(std::move(values)) {}
  T operator[](int64_t index) const { return values_[values_.size() == 1 ? 0 : index]; }

 private:
  std::vector<T> values_;
};

// `count`: how many there may be instead of one.
void check_count(const OperatorCall& call, const char* what, const TensorView& tensor,
                 int64_t count) {
  if (tensor.elements() != 1 && tensor.elements() != count) {
    fail(DMT_UNSUPPORTED, "%s: %s is %s; only one number or %lld are supported",
         std::string(call.name).c_str(), what, describe(tensor).c_str(),
         static_cast<long long>(count));
  }
}

Parameters<int32_t> zero_points(const OperatorCall& call, size_t input, int32_t dtype,
                                int64_t count) {
  if (!has_input(call, input)) return std::vector<int32_t>{0};
  const TensorView& tensor = call.inputs[input];
  require_dtype(call, tensor, dtype);
  check_count(call, "a zero point", tensor, count);
  const int64_t size = tensor.elements();
  if (dtype == DMT_U8) {
    return std::vector<int32_t>(tensor.as<uint8_t>(), tensor.as<uint8_t>() + size);
  }
  return std::vector<int32_t>(tensor.as<int8_t>(), tensor.as<int8_t>() + size);
}

Parameters<float> scales(const OperatorCall& call, size_t input, int64_t count) {
  const TensorView& tensor = call.inputs[input];
  check_count(call, "a scale", tensor, count);
  const FloatValues values(call, tensor);
  return std::vector<float>(values.data(), values.data() + tensor.elements());
}

void require_int8(const OperatorCall& call, const TensorView& tensor) {
  if (tensor.dtype != DMT_U8 && tensor.dtype != DMT_S8) fail_dtype(call, tensor.dtype);
}

// sums[j] = sum over k of (a[k] - a_zero) * (b[k][j] - b_zero[j]); wraps around like int32.
template <class A, class B>
void integer_row(const A* a, int32_t a_zero, const B* b, const Parameters<int32_t>& b_zero,
                 int64_t k, int64_t n, int32_t* sums) {
  std::fill_n(sums, n, 0);
  uint32_t total = 0;
  for (int64_t i = 0; i < k; ++i) {
    const int32_t x = a[i] - a_zero;
    total += static_cast<uint32_t>(x);
    const B* row = b + i * n;
    for (int64_t j = 0; j < n; ++j) {
      sums[j] = static_cast<int32_t>(static_cast<uint32_t>(sums[j]) +
                                     static_cast<uint32_t>(x * static_cast<int32_t>(row[j])));
    }
  }
  for (int64_t j = 0; j < n; ++j) {
    sums[j] = static_cast<int32_t>(static_cast<uint32_t>(sums[j]) -
                                   total * static_cast<uint32_t>(b_zero[j]));
  }
}

template <class Body>
void dispatch_int8(int32_t dtype, Body&& body) {
  if (dtype == DMT_U8) {
    body(Type<uint8_t>{});
  } else {
    body(Type<int8_t>{});
  }
}

// Calls row_done(row of the whole result, its row in the matrix, int32 sums) for every row.
// a_stride: bytes between the rows of a.
template <class RowDone>
void integer_products(const OperatorCall& call, const MatMulPlan& plan, int32_t a_dtype,
                      const void* a, int64_t a_stride, const Parameters<int32_t>& a_zero,
                      const TensorView& b, const Parameters<int32_t>& b_zero, RowDone&& row_done) {
  const int64_t work = std::max<int64_t>(1, plan.n * plan.k);
  const int64_t grain = std::max<int64_t>(1, kProductGrain * 4 / work);
  dispatch_int8(a_dtype, [&](auto a_type) {
    using A = typename decltype(a_type)::type;
    dispatch_int8(b.dtype, [&](auto b_type) {
      using B = typename decltype(b_type)::type;
      call.executor.parallel_for(plan.batches * plan.m, grain, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> sums(plan.n);
        for (int64_t row = begin; row < end; ++row) {
          const int64_t batch = row / plan.m, i = row % plan.m;
          const A* x = static_cast<const A*>(a) + (plan.a_matrix(batch) * plan.m + i) * a_stride;
          const B* y = b.as<B>() + plan.b_matrix(batch) * plan.k * plan.n;
          integer_row(x, a_zero[i], y, b_zero, plan.k, plan.n, sums.data());
          row_done(row, i, sums.data());
        }
      });
    });
  });
}

const float* bias_of(const OperatorCall& call, size_t input, int64_t n) {
  if (!has_input(call, input)) return nullptr;
  require_dtype(call, call.inputs[input], DMT_F32);
  const int64_t expected[] = {n};
  require_shape(call, call.inputs[input], expected);
  return call.inputs[input].as<float>();
}

}  // namespace

void matmul_integer(const OperatorCall& call) {
  require_tensors(call, 2);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[1];
  const TensorView& out = call.outputs[0];
  require_int8(call, a);
  require_int8(call, b);
  require_dtype(call, out, DMT_S32);
  const MatMulPlan plan = plan_matmul(call, a, b, out);
  const Parameters<int32_t> a_zero = zero_points(call, 2, a.dtype, plan.m);
  const Parameters<int32_t> b_zero = zero_points(call, 3, b.dtype, plan.n);
  integer_products(call, plan, a.dtype, a.data, plan.k, a_zero, b, b_zero,
                   [&](int64_t row, int64_t, const int32_t* sums) {
                     std::copy_n(sums, plan.n, out.as<int32_t>() + row * plan.n);
                   });
}

void qlinear_matmul(const OperatorCall& call) {
  require_tensors(call, 8);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[3];
  const TensorView& out = call.outputs[0];
  require_int8(call, a);
  require_int8(call, b);
  require_int8(call, out);
  const MatMulPlan plan = plan_matmul(call, a, b, out);
  const Parameters<float> a_scale = scales(call, 1, plan.m), b_scale = scales(call, 4, plan.n);
  const Parameters<float> y_scale = scales(call, 6, 1);
  const Parameters<int32_t> a_zero = zero_points(call, 2, a.dtype, plan.m);
  const Parameters<int32_t> b_zero = zero_points(call, 5, b.dtype, plan.n);
  const Parameters<int32_t> y_zero = zero_points(call, 7, out.dtype, 1);
  dispatch_int8(out.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    constexpr float low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    integer_products(call, plan, a.dtype, a.data, plan.k, a_zero, b, b_zero,
                     [&](int64_t row, int64_t i, const int32_t* sums) {
                       T* to = out.as<T>() + row * plan.n;
                       for (int64_t j = 0; j < plan.n; ++j) {
                         const float factor = a_scale[i] * b_scale[j] / y_scale[0];
                         const float code = std::nearbyint(static_cast<float>(sums[j]) * factor) +
                                            static_cast<float>(y_zero[0]);
                         // The comparison is false for NaN.
                         to[j] = static_cast<T>(code > low ? std::min(code, high) : low);
                       }
                     });
  });
}

void matmul_integer_to_float(const OperatorCall& call) {
  require_tensors(call, 4);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[1];
  const TensorView& out = call.outputs[0];
  require_int8(call, a);
  require_int8(call, b);
  require_dtype(call, out, DMT_F32);
  const MatMulPlan plan = plan_matmul(call, a, b, out);
  const Parameters<float> a_scale = scales(call, 2, plan.m), b_scale = scales(call, 3, plan.n);
  const Parameters<int32_t> a_zero = zero_points(call, 4, a.dtype, plan.m);
  const Parameters<int32_t> b_zero = zero_points(call, 5, b.dtype, plan.n);
  const float* bias = bias_of(call, 6, plan.n);
  integer_products(call, plan, a.dtype, a.data, plan.k, a_zero, b, b_zero,
                   [&](int64_t row, int64_t i, const int32_t* sums) {
                     float* to = out.as<float>() + row * plan.n;
                     for (int64_t j = 0; j < plan.n; ++j) {
                       const float scale = a_scale[i] * b_scale[j];
                       to[j] = static_cast<float>(sums[j]) * scale + (bias ? bias[j] : 0);
                     }
                   });
}

void dynamic_quantize_matmul(const OperatorCall& call) {
  require_tensors(call, 3);
  const TensorView& a = call.inputs[0];
  const TensorView& b = call.inputs[1];
  const TensorView& out = call.outputs[0];
  require_dtype(call, a, DMT_F32);
  require_int8(call, b);
  require_dtype(call, out, DMT_F32);
  const MatMulPlan plan = plan_matmul(call, a, b, out);
  const Parameters<float> b_scale = scales(call, 2, plan.n);
  const Parameters<int32_t> b_zero = zero_points(call, 3, b.dtype, plan.n);
  const float* bias = bias_of(call, 4, plan.n);
  if (out.elements() == 0) return;
  const int64_t rows = plan.k == 0 ? 0 : a.elements() / plan.k;
  const int64_t stride = (plan.k + 63) / 64 * 64;
  const AlignedBuffer<uint8_t> codes(rows * stride);
  float a_scale = 1;
  int32_t a_zero = 0;
  QuantizedRows quantized;
  quantized.codes = codes.data();
  quantized.stride = stride;
  quantized.scales = &a_scale;
  quantized.zero_points = &a_zero;
  if (rows > 0) {
    quantize_tensor(active_isa(), a.as<float>(), plan.k, rows, quantized, call.executor);
  }
  const Parameters<int32_t> a_zeros(std::vector<int32_t>{a_zero});
  integer_products(call, plan, DMT_U8, codes.data(), stride, a_zeros, b, b_zero,
                   [&](int64_t row, int64_t, const int32_t* sums) {
                     float* to = out.as<float>() + row * plan.n;
                     for (int64_t j = 0; j < plan.n; ++j) {
                       const float scale = a_scale * b_scale[j];
                       to[j] = static_cast<float>(sums[j]) * scale + (bias ? bias[j] : 0);
                     }
                   });
}

}  // namespace demitasse
