// Calls operators by name through the C ABI on tensors kept in vectors.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/tensor_view.h"
#include "demitasse/demitasse.h"
#include "ops/dispatch.h"

namespace demitasse::testing {

template <class T>
constexpr int32_t dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DMT_F32;
  if constexpr (std::is_same_v<T, double>) return DMT_F64;
  if constexpr (std::is_same_v<T, Float16>) return DMT_F16;
  if constexpr (std::is_same_v<T, Bfloat16>) return DMT_BF16;
  if constexpr (std::is_same_v<T, Bool>) return DMT_BOOL;
  if constexpr (std::is_same_v<T, int8_t>) return DMT_S8;
  if constexpr (std::is_same_v<T, int16_t>) return DMT_S16;
  if constexpr (std::is_same_v<T, int32_t>) return DMT_S32;
  if constexpr (std::is_same_v<T, int64_t>) return DMT_S64;
  if constexpr (std::is_same_v<T, uint8_t>) return DMT_U8;
  if constexpr (std::is_same_v<T, uint16_t>) return DMT_U16;
  if constexpr (std::is_same_v<T, uint32_t>) return DMT_U32;
  if constexpr (std::is_same_v<T, uint64_t>) return DMT_U64;
}

struct TestTensor {
  int32_t dtype = 0;  // 0: absent
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;

  int64_t elements() const {
    int64_t count = 1;
    for (const int64_t size : dims) count *= size;
    return count;
  }

  template <class T>
  std::vector<T> values() const {
    std::vector<T> result(bytes.size() / sizeof(T));
    if (!result.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

template <class T>
TestTensor tensor(std::vector<int64_t> dims, const std::vector<T>& values) {
  TestTensor result{dtype_of<T>(), std::move(dims), {}};
  EXPECT_EQ(result.elements(), static_cast<int64_t>(values.size()));
  result.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(result.bytes.data(), values.data(), result.bytes.size());
  return result;
}

inline TestTensor packed(int32_t dtype, std::vector<int64_t> dims, std::vector<uint8_t> bytes) {
  return {dtype, std::move(dims), std::move(bytes)};
}

inline TestTensor empty(int32_t dtype, std::vector<int64_t> dims) {
  TestTensor result{dtype, std::move(dims), {}};
  result.bytes.assign(static_cast<size_t>((result.elements() * element_bits(dtype) + 7) / 8), 0xcd);
  return result;
}

// Status of the call; results in outputs.
inline int32_t try_call(const std::string& name, const std::vector<TestTensor>& inputs,
                        std::vector<TestTensor>& outputs, const std::vector<int64_t>& integers = {},
                        const std::vector<double>& floats = {}, int32_t threads = 2) {
  std::vector<int32_t> dtypes, ranks;
  std::vector<int64_t> dims, addresses, bytes;
  const auto describe = [&](const TestTensor& tensor) {
    dtypes.push_back(tensor.dtype);
    ranks.push_back(static_cast<int32_t>(tensor.dims.size()));
    dims.insert(dims.end(), tensor.dims.begin(), tensor.dims.end());
    addresses.push_back(reinterpret_cast<int64_t>(tensor.bytes.data()));
    bytes.push_back(static_cast<int64_t>(tensor.bytes.size()));
  };
  for (const TestTensor& input : inputs) describe(input);
  for (const TestTensor& output : outputs) describe(output);
  dims.push_back(0);  // never read: keeps data() non-null
  return dmt_operator_run(name.c_str(), dtypes.data(), ranks.data(), dims.data(), addresses.data(),
                          bytes.data(), static_cast<int32_t>(inputs.size()),
                          static_cast<int32_t>(outputs.size()), integers.data(),
                          static_cast<int32_t>(integers.size()), floats.data(),
                          static_cast<int32_t>(floats.size()), threads);
}

// The only output of a call that succeeds.
inline TestTensor run(const std::string& name, const std::vector<TestTensor>& inputs, int32_t dtype,
                      std::vector<int64_t> dims, const std::vector<int64_t>& integers = {},
                      const std::vector<double>& floats = {}, int32_t threads = 2) {
  std::vector<TestTensor> outputs{empty(dtype, std::move(dims))};
  EXPECT_EQ(try_call(name, inputs, outputs, integers, floats, threads), DMT_OK) << dmt_last_error();
  return outputs[0];
}

}  // namespace demitasse::testing
