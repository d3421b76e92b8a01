// Builds and runs programs through the C ABI, as the Java compiler does.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "demitasse/demitasse.h"

namespace demitasse::testing {

inline void expect_ok(int32_t status) { ASSERT_EQ(status, DMT_OK) << dmt_last_error(); }

// The call failed, and its message holds the text.
#define EXPECT_REJECTED(call, text)                                        \
  do {                                                                     \
    EXPECT_EQ((call), DMT_INVALID_ARGUMENT);                               \
    EXPECT_NE(std::string(dmt_last_error()).find(text), std::string::npos) \
        << "message: " << dmt_last_error();                                \
  } while (false)

inline std::vector<float> random_floats(int64_t count, uint32_t seed, float range = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-range, range);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = distribution(generator);
  return numbers;
}

class WeightHandle {
 public:
  // [n][k] floats.
  static WeightHandle f32(const std::vector<float>& source, int64_t k, int64_t n) {
    WeightHandle weight;
    expect_ok(dmt_weight_pack_float(DMT_F32, source.data(), source.size() * 4, k, n, 1, k,
                                    &weight.handle_));
    return weight;
  }
  static WeightHandle int8(int64_t k, int64_t n, uint32_t seed) {
    std::mt19937 generator(seed);
    std::vector<int8_t> codes(k * n);
    for (int8_t& code : codes) code = static_cast<int8_t>(generator() % 255 - 127);
    std::vector<float> scales(n);
    for (float& scale : scales) scale = 0.5f / static_cast<float>(k + generator() % 16);
    WeightHandle weight;
    expect_ok(dmt_weight_pack_int8(DMT_S8, codes.data(), codes.size(), k, n, 1, k, scales.data(),
                                   nullptr, n, &weight.handle_));
    return weight;
  }
  WeightHandle(WeightHandle&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  ~WeightHandle() { dmt_weight_release(handle_); }
  operator const dmt_weight*() const { return handle_; }

 private:
  WeightHandle() = default;
  dmt_weight* handle_ = nullptr;
};

class Network {
 public:
  Network() { expect_ok(dmt_program_create(&program)); }
  ~Network() { dmt_program_release(program); }
  Network(const Network&) = delete;

  int32_t value(int32_t dtype, int32_t rows, std::initializer_list<int64_t> dims) {
    int32_t id = -1;
    expect_ok(dmt_program_value(program, dtype, rows, dims.begin(),
                                static_cast<int32_t>(dims.size()), &id));
    return id;
  }
  int32_t tokens(std::initializer_list<int64_t> dims, int32_t dtype = DMT_F32) {
    return value(dtype, DMT_ROWS_TOKENS, dims);
  }
  int32_t fixed(std::initializer_list<int64_t> dims, int32_t dtype = DMT_F32) {
    return value(dtype, DMT_ROWS_STATIC, dims);
  }
  int32_t quantized(int64_t features, int32_t mode = DMT_QUANTIZATION_DYNAMIC_ROW, float scale = 0,
                    int32_t zero_point = 0) {
    int32_t id = -1;
    expect_ok(dmt_program_quantized_value(program, DMT_ROWS_TOKENS, 0, features, mode, scale,
                                          zero_point, &id));
    return id;
  }
  int32_t constant(std::initializer_list<int64_t> dims, const std::vector<float>& data,
                   int32_t copy = 1) {
    int32_t id = -1;
    expect_ok(dmt_program_constant(program, DMT_F32, dims.begin(),
                                   static_cast<int32_t>(dims.size()), data.data(), data.size() * 4,
                                   copy, &id));
    return id;
  }
  int32_t alias(int32_t source, int32_t rows, std::initializer_list<int64_t> dims) {
    int32_t id = -1;
    expect_ok(dmt_program_alias(program, source, rows, dims.begin(),
                                static_cast<int32_t>(dims.size()), &id));
    return id;
  }
  int32_t input(int32_t id) {
    expect_ok(dmt_program_input(program, id));
    return id;
  }
  int32_t output(int32_t id) {
    expect_ok(dmt_program_output(program, id));
    return id;
  }
  void linear(int32_t x, const dmt_weight* weight, const float* bias, int32_t activation,
              int32_t residual, int32_t y, int32_t heads = 0) {
    expect_ok(dmt_program_linear(program, x, weight, bias, activation, residual, heads, y));
  }
  void finish(int32_t separable) { expect_ok(dmt_program_finish(program, separable)); }

  // inputs and outputs: contiguous memory of any element type.
  template <class In, class Out>
  int32_t run(const std::vector<int64_t>& offsets, const std::vector<std::vector<In>>& inputs,
              std::vector<std::vector<Out>>& outputs, int32_t threads) const {
    std::vector<int64_t> in, in_bytes, out, out_bytes;
    for (const auto& input : inputs) {
      in.push_back(reinterpret_cast<int64_t>(input.data()));
      in_bytes.push_back(input.size() * sizeof(In));
    }
    for (auto& output : outputs) {
      out.push_back(reinterpret_cast<int64_t>(output.data()));
      out_bytes.push_back(output.size() * sizeof(Out));
    }
    return dmt_program_run(program, offsets.empty() ? 0 : static_cast<int64_t>(offsets.size()) - 1,
                           offsets.empty() ? nullptr : offsets.data(), in.data(), in_bytes.data(),
                           static_cast<int32_t>(in.size()), out.data(), out_bytes.data(),
                           static_cast<int32_t>(out.size()), threads);
  }

  dmt_program* program = nullptr;
};

}  // namespace demitasse::testing
