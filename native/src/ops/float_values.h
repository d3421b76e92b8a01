// Tensors of half types as f32, so that one kernel serves all of them.
#pragma once

#include "core/aligned_buffer.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"

namespace demitasse {

// The elements of a f32, f16 or bf16 tensor as f32: in place for f32, else converted.
class FloatValues {
 public:
  FloatValues(const OperatorCall& call, const TensorView& tensor)
      : converted_(tensor.dtype == DMT_F32 ? 0 : tensor.elements()), data_(tensor.as<float>()) {
    if (tensor.dtype == DMT_F32) return;
    data_ = converted_.data();
    float* to = converted_.data();
    if (tensor.dtype == DMT_F16) {
      convert(call, tensor.as<Float16>(), to, tensor.elements());
    } else if (tensor.dtype == DMT_BF16) {
      convert(call, tensor.as<Bfloat16>(), to, tensor.elements());
    } else {
      fail_dtype(call, tensor.dtype);
    }
  }

  const float* data() const { return data_; }

 private:
  template <class T>
  static void convert(const OperatorCall& call, const T* from, float* to, int64_t count) {
    call.executor.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = static_cast<float>(from[i]);
    });
  }

  AlignedBuffer<float> converted_;
  const float* data_;
};

// Where a f32 result is made that is stored into a tensor of f32, f16 or bf16: in place for f32.
class FloatResult {
 public:
  FloatResult(const OperatorCall& call, const TensorView& tensor)
      : call_(call),
        tensor_(tensor),
        converted_(tensor.dtype == DMT_F32 ? 0 : tensor.elements()),
        data_(tensor.dtype == DMT_F32 ? tensor.as<float>() : converted_.data()) {
    if (tensor.dtype != DMT_F32 && tensor.dtype != DMT_F16 && tensor.dtype != DMT_BF16) {
      fail_dtype(call, tensor.dtype);
    }
  }

  float* data() const { return data_; }

  // To be called once the result is complete.
  void store() const {
    if (tensor_.dtype == DMT_F16) convert(tensor_.as<Float16>());
    if (tensor_.dtype == DMT_BF16) convert(tensor_.as<Bfloat16>());
  }

 private:
  template <class T>
  void convert(T* to) const {
    call_.executor.parallel_for(tensor_.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = T(data_[i]);
    });
  }

  const OperatorCall& call_;
  const TensorView& tensor_;
  AlignedBuffer<float> converted_;
  float* data_;
};

}  // namespace demitasse
