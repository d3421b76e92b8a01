// The embedding kernels on vectors of floats; included by embedding_avx2.cpp and
// embedding_avx512.cpp. No multiplication is fused with an addition, so all but `norm` equal the
// scalar reference to the bit.
#pragma once

#include "core/vector_loops.inl"

namespace {

// The n < kLanes elements of `element_bytes` at p, zeros behind them.
struct Padded {
  Padded(const void* p, int64_t n, int64_t element_bytes) {
    __builtin_memcpy(bytes, p, static_cast<unsigned long>(n * element_bytes));
  }
  alignas(64) unsigned char bytes[4 * kLanes] = {};
};

// y (+)= value(address of element i)
template <class Value>
[[gnu::always_inline]] inline void put(const void* x, int64_t element_bytes, bool accumulate,
                                       float* y, int64_t n, Value value) {
  const auto* bytes = static_cast<const unsigned char*>(x);
  const auto put_vector = [=](int64_t i, const void* from, auto lanes) {
    const Floats values = value(from);
    store(y + i, accumulate ? load(y + i, lanes) + values : values, lanes);
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) put_vector(i, bytes + i * element_bytes, Every{});
  if (i < n)
    put_vector(i, Padded(bytes + i * element_bytes, n - i, element_bytes).bytes, first(n - i));
}

void lookup(int32_t dtype, const void* x, float scale, int32_t zero_point, bool accumulate,
            float* y, int64_t n) {
  const Floats scales = broadcast(scale), zeros = broadcast(static_cast<float>(zero_point));
  switch (dtype) {
    case DMT_F16:
      return put(x, 2, accumulate, y, n, [](const void* p) { return load_f16(p); });
    case DMT_BF16:
      return put(x, 2, accumulate, y, n, [](const void* p) { return load_bf16(p); });
    case DMT_S8:
      return put(x, 1, accumulate, y, n,
                 [=](const void* p) { return scales * (load_s8(p) - zeros); });
    case DMT_U8:
      return put(x, 1, accumulate, y, n,
                 [=](const void* p) { return scales * (load_u8(p) - zeros); });
    default:
      return put(x, 4, accumulate, y, n,
                 [](const void* p) { return load(static_cast<const float*>(p)); });
  }
}

void add_scaled(float weight, const float* x, float* y, int64_t n) {
  const Floats weights = broadcast(weight);
  for_each_vector(n, [=](int64_t i, auto lanes) {
    store(y + i, load(y + i, lanes) + weights * load(x + i, lanes), lanes);
  });
}

void maximum(const float* x, float* y, int64_t n) {
  for_each_vector(n, [=](int64_t i, auto lanes) {
    const Floats value = load(x + i, lanes), before = load(y + i, lanes);
    // max() gives its second operand where either is NaN.
    store(y + i, select(is_nan(value), value, max(value, before)), lanes);
  });
}

void divide(float divisor, float* y, int64_t n) {
  const Floats divisors = broadcast(divisor);
  for_each_vector(
      n, [=](int64_t i, auto lanes) { store(y + i, load(y + i, lanes) / divisors, lanes); });
}

float norm(const float* x, int64_t n) {
  return __builtin_sqrtf(sum_vectors(n, [=](int64_t i, auto lanes) {
    const Floats value = load(x + i, lanes);
    return value * value;
  }));
}

}  // namespace
