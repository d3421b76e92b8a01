// Every wrong argument is an error whose message names the operation and the shapes.
#include <limits>

#include "program/network.h"

namespace demitasse::testing {
namespace {

constexpr int64_t kHuge = int64_t{1} << 62;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class Rejections : public ::testing::Test {
 protected:
  Network net;
  dmt_program* const p = net.program;
  int32_t id = -1;
  const int64_t dims[DMT_MAX_RANK + 1] = {2, 4, 1, 1, 1, 1, 1, 1, 1};
};

TEST_F(Rejections, handles) {
  EXPECT_REJECTED(dmt_program_create(nullptr), "out is NULL");
  EXPECT_REJECTED(dmt_program_finish(nullptr, 0), "program handle is NULL");
  dmt_program* released = nullptr;
  expect_ok(dmt_program_create(&released));
  dmt_program_release(released);
  dmt_program_release(released);
  EXPECT_REJECTED(dmt_program_finish(released, 0), "released already");
  EXPECT_REJECTED(
      dmt_program_run(released, 0, nullptr, nullptr, nullptr, 0, nullptr, nullptr, 0, 1),
      "released already");
  EXPECT_EQ(dmt_program_arena_bytes(released), 0);
  const auto invented = reinterpret_cast<dmt_program*>(uintptr_t{0x123456789});
  EXPECT_REJECTED(dmt_program_value(invented, DMT_F32, 0, dims, 2, &id), "not valid");
  EXPECT_EQ(dmt_weight_bytes(reinterpret_cast<dmt_weight*>(invented)), 0);
  EXPECT_EQ(dmt_weight_bytes(nullptr), 0);
  dmt_weight_release(nullptr);
  dmt_weight_release(reinterpret_cast<dmt_weight*>(invented));
}

TEST_F(Rejections, values) {
  EXPECT_REJECTED(dmt_program_value(p, 99, 0, dims, 2, &id), "element type 99");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 3, dims, 2, &id), "row kind 3");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, dims, -1, &id), "rank -1");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, dims, 9, &id), "rank 9");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 1, dims, 8, &id), "outside 0..7");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, nullptr, 2, &id), "dims is NULL");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, dims, 2, nullptr), "id is NULL");
  const int64_t negative[] = {2, -1}, large[] = {kHuge, kHuge}, hidden[] = {0, kHuge};
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, negative, 2, &id), "-1");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, large, 2, &id), "too large");
  EXPECT_REJECTED(dmt_program_value(p, DMT_F32, 0, hidden, 2, &id), "too large");
  EXPECT_REJECTED(dmt_program_value(p, DMT_S4, DMT_ROWS_TOKENS, dims + 2, 1, &id), "whole bytes");
}

TEST_F(Rejections, constants) {
  const float data[8] = {};
  EXPECT_REJECTED(dmt_program_constant(p, DMT_F32, dims, 2, data, 31, 1, &id),
                  "float32[2, 4] needs 32 bytes, 31 are given");
  EXPECT_REJECTED(dmt_program_constant(p, DMT_F32, dims, 2, nullptr, 32, 1, &id), "data is NULL");
  EXPECT_REJECTED(dmt_program_constant(p, DMT_F32, dims, 2, data, 32, 2, &id), "copy is 2");
  EXPECT_REJECTED(
      dmt_program_constant(p, DMT_F32, dims, 1, reinterpret_cast<const char*>(data) + 1, 8, 0, &id),
      "not aligned");
}

TEST_F(Rejections, quantizedValues) {
  const auto make = [&](int32_t rows, int64_t static_rows, int64_t features, int32_t mode,
                        float scale, int32_t zero_point) {
    return dmt_program_quantized_value(p, rows, static_rows, features, mode, scale, zero_point,
                                       &id);
  };
  EXPECT_REJECTED(make(1, 0, 0, 0, 1, 0), "0 features");
  EXPECT_REJECTED(make(1, 0, kHuge, 0, 1, 0), "too large");
  EXPECT_REJECTED(make(0, -5, 8, 0, 1, 0), "-5");
  EXPECT_REJECTED(make(7, 0, 8, 0, 1, 0), "row kind 7");
  EXPECT_REJECTED(make(1, 0, 8, 3, 1, 0), "mode 3");
  EXPECT_REJECTED(make(1, 0, 8, DMT_QUANTIZATION_STATIC, 0, 0), "scale");
  EXPECT_REJECTED(make(1, 0, 8, DMT_QUANTIZATION_STATIC, kNaN, 0), "scale");
  EXPECT_REJECTED(make(1, 0, 8, DMT_QUANTIZATION_STATIC, 1, 256), "zero point 256");
}

TEST_F(Rejections, aliasesInputsOutputs) {
  const int32_t x = net.tokens({2, 4}), q = net.quantized(8);
  const int64_t other[] = {3};
  EXPECT_REJECTED(dmt_program_alias(p, 77, 1, dims, 2, &id), "77 is not the id of a value");
  EXPECT_REJECTED(dmt_program_alias(p, -1, 1, dims, 2, &id), "-1 is not the id");
  EXPECT_REJECTED(dmt_program_alias(p, x, 1, other, 1, &id),
                  "float32[tokens, 2, 4] cannot be seen as float32[tokens, 3]");
  EXPECT_REJECTED(dmt_program_alias(p, x, 0, dims, 2, &id), "cannot be seen");
  EXPECT_REJECTED(dmt_program_alias(p, q, 1, dims, 2, &id), "quantized");
  const int32_t constant = net.constant({1}, {1});
  EXPECT_REJECTED(dmt_program_input(p, 50), "50");
  EXPECT_REJECTED(dmt_program_input(p, q), "quantized");
  EXPECT_REJECTED(dmt_program_input(p, constant), "constant");
  net.input(x);
  EXPECT_REJECTED(dmt_program_input(p, x), "already");
  EXPECT_REJECTED(dmt_program_output(p, q), "quantized");
  EXPECT_REJECTED(dmt_program_output(p, -1), "-1");
}

TEST_F(Rejections, binaryLinear) {
  const uint8_t signs[512] = {};
  const float scales[256] = {};
  const int32_t thresholds[32] = {};
  dmt_weight *w = nullptr, *grouped = nullptr;
  ASSERT_EQ(dmt_weight_pack_binary(signs, 512, 128, 32, 32, 1, 128, DMT_F32, scales, 128, &w),
            DMT_OK);
  ASSERT_EQ(dmt_weight_pack_binary(signs, 512, 128, 32, 32, 1, 16, DMT_F32, scales, 1024, &grouped),
            DMT_OK);
  const WeightHandle floats = WeightHandle::f32(random_floats(8, 1), 4, 2);
  const int32_t x = net.tokens({2}, DMT_S64), f = net.tokens({128}), y = net.tokens({32});
  const int32_t bits = net.tokens({1}, DMT_S64), narrow = net.tokens({1}, DMT_S64);
  const auto linear = [&](int32_t in, const dmt_weight* weight, const float* bias,
                          int32_t activation, const int32_t* limits, int32_t out) {
    return dmt_program_binary_linear(p, in, weight, bias, activation, limits, out);
  };
  EXPECT_REJECTED(linear(x, nullptr, nullptr, 0, nullptr, y), "weight handle is NULL");
  EXPECT_REJECTED(linear(x, floats, nullptr, 0, nullptr, y), "not binary");
  EXPECT_REJECTED(linear(x, grouped, nullptr, 0, nullptr, y), "one scale per channel");
  EXPECT_REJECTED(linear(f, w, nullptr, 0, nullptr, y), "rows of bits are s64");
  EXPECT_REJECTED(linear(narrow, w, nullptr, 0, nullptr, y), "must be 2");
  EXPECT_REJECTED(linear(x, w, nullptr, 99, nullptr, y), "activation 99");
  EXPECT_REJECTED(linear(x, w, nullptr, 0, nullptr, f), "must be 32");
  EXPECT_REJECTED(linear(x, w, nullptr, 0, thresholds, y), "rows of bits are s64");
  EXPECT_REJECTED(linear(x, w, scales, 0, thresholds, bits), "neither bias nor activation");
  EXPECT_REJECTED(linear(x, w, nullptr, 0, thresholds, x), "must be 1");
  EXPECT_REJECTED(dmt_program_binarize(p, x, bits), "f32 is needed");
  EXPECT_REJECTED(dmt_program_binarize(p, f, y), "rows of bits are s64");
  EXPECT_REJECTED(dmt_program_binarize(p, f, bits), "must be 2");
  EXPECT_EQ(linear(x, w, nullptr, 0, thresholds, bits), DMT_OK);
  dmt_weight_release(w);
  dmt_weight_release(grouped);
}

TEST_F(Rejections, linear) {
  const WeightHandle w = WeightHandle::f32(random_floats(8, 1), 4, 2);
  const int32_t x = net.tokens({4}), y = net.tokens({2}), wide = net.tokens({5});
  const int32_t fixed = net.fixed({3, 2}), q = net.quantized(4), qy = net.quantized(2);
  const int32_t qt = net.quantized(2, DMT_QUANTIZATION_DYNAMIC_TENSOR);
  const int32_t longs = net.tokens({4}, DMT_S64), scalar = net.fixed({});
  const auto linear = [&](int32_t in, const dmt_weight* weight, int32_t activation,
                          int32_t residual, int32_t heads, int32_t out) {
    return dmt_program_linear(p, in, weight, nullptr, activation, residual, heads, out);
  };
  EXPECT_REJECTED(linear(x, nullptr, 0, -1, 0, y), "weight handle is NULL");
  EXPECT_REJECTED(linear(99, w, 0, -1, 0, y), "linear #0: x is 99");
  EXPECT_REJECTED(linear(-1, w, 0, -1, 0, y), "x is -1");
  EXPECT_REJECTED(linear(wide, w, 0, -1, 0, y), "float32[tokens, 5], its last dimension must be 4");
  EXPECT_REJECTED(linear(longs, w, 0, -1, 0, y), "int64[tokens, 4], f32 is needed");
  EXPECT_REJECTED(linear(scalar, w, 0, -1, 0, y), "scalar");
  EXPECT_REJECTED(linear(q, w, 0, -1, 0, y), "weight is of floats");
  EXPECT_REJECTED(linear(x, w, 8, -1, 0, y), "activation 8");
  EXPECT_REJECTED(linear(x, w, 0, wide, 0, y), "residual");
  EXPECT_REJECTED(linear(x, w, 0, 99, 0, y), "residual is 99");
  EXPECT_REJECTED(linear(x, w, 0, -1, 0, wide), "y is float32[tokens, 5]");
  EXPECT_REJECTED(linear(x, w, 0, -1, 0, fixed), "rows differ");
  EXPECT_REJECTED(linear(x, w, 0, -1, 0, qt), "whole tensor");
  EXPECT_REJECTED(linear(x, w, 0, -1, 2, qy), "cannot be scattered");
  EXPECT_REJECTED(linear(x, w, 0, -1, 2, y), "static");
  EXPECT_REJECTED(linear(x, w, 0, -1, 3, y), "3 heads do not divide 2");
  EXPECT_REJECTED(linear(x, w, 0, -1, 0, net.constant({1, 2}, {1, 2})), "constant");
  EXPECT_EQ(linear(x, w, 0, -1, 0, y), DMT_OK);
  EXPECT_REJECTED(linear(99, w, 0, -1, 0, y), "linear #1");
}

TEST_F(Rejections, quantizeAndLayerNorm) {
  const int32_t x = net.tokens({4}), y = net.tokens({4}), q = net.quantized(4);
  const int32_t narrow = net.quantized(3), qt = net.quantized(4, DMT_QUANTIZATION_DYNAMIC_TENSOR);
  EXPECT_REJECTED(dmt_program_quantize(p, x, y), "not quantized");
  EXPECT_REJECTED(dmt_program_quantize(p, q, q), "f32 is needed");
  EXPECT_REJECTED(dmt_program_quantize(p, x, narrow), "quantized[tokens, 3]");
  EXPECT_REJECTED(dmt_program_quantize(p, net.fixed({2, 4}), q), "rows differ");
  const float gamma[4] = {1, 1, 1, 1};
  const auto norm = [&](int32_t in, int32_t residual, const float* g, int64_t features,
                        float epsilon, int32_t rms, int32_t sum, int32_t out, int32_t out_q) {
    return dmt_program_layer_norm(p, in, residual, g, nullptr, features, epsilon, rms, sum, out,
                                  out_q);
  };
  EXPECT_REJECTED(norm(x, -1, nullptr, 4, 1e-5f, 0, -1, y, -1), "gamma is NULL");
  EXPECT_REJECTED(norm(x, -1, gamma, 5, 1e-5f, 0, -1, y, -1), "last dimension must be 5");
  EXPECT_REJECTED(norm(x, -1, gamma, 0, 1e-5f, 0, -1, y, -1), "0 features");
  EXPECT_REJECTED(norm(x, -1, gamma, 4, kNaN, 0, -1, y, -1), "epsilon");
  EXPECT_REJECTED(norm(x, -1, gamma, 4, 0, 5, -1, y, -1), "rms is 5");
  EXPECT_REJECTED(norm(x, -1, gamma, 4, 0, 0, -1, -1, -1), "neither");
  EXPECT_REJECTED(norm(x, q, gamma, 4, 0, 0, -1, y, -1), "residual");
  EXPECT_REJECTED(norm(x, -1, gamma, 4, 0, 0, q, y, -1), "sum");
  EXPECT_REJECTED(norm(x, -1, gamma, 4, 0, 0, -1, y, y), "not quantized");
  EXPECT_REJECTED(norm(x, -1, gamma, 4, 0, 0, -1, y, qt), "whole tensor");
}

TEST_F(Rejections, attention) {
  const int32_t qkv = net.tokens({12}), y = net.tokens({4}), mask = net.tokens({});
  const int32_t fixed = net.fixed({6, 4}), fixed_y = net.fixed({6, 4});
  const auto attend = [&](int32_t q, int64_t column, int32_t v, int32_t m, int64_t heads,
                          int64_t head_dim, float scale, int32_t causal, int64_t length,
                          int32_t out) {
    return dmt_program_attention(p, q, column, q, 0, v, 0, m, heads, head_dim, scale, causal,
                                 length, out);
  };
  EXPECT_EQ(attend(qkv, 8, qkv, mask, 2, 2, 1, 0, 0, y), DMT_OK);
  EXPECT_REJECTED(attend(qkv, 9, qkv, mask, 2, 2, 1, 0, 0, y),
                  "float32[tokens, 12], but 4 columns from 9 on");
  EXPECT_REJECTED(attend(qkv, -1, qkv, mask, 2, 2, 1, 0, 0, y), "columns from -1 on");
  EXPECT_REJECTED(attend(qkv, kHuge, qkv, mask, 2, 2, 1, 0, 0, y), "columns");
  EXPECT_REJECTED(attend(qkv, 0, qkv, mask, kHuge, 4, 1, 0, 0, y), "heads");
  EXPECT_REJECTED(attend(qkv, 0, qkv, mask, 0, 2, 1, 0, 0, y), "0 heads");
  EXPECT_REJECTED(attend(qkv, 0, qkv, mask, 2, 2, kNaN, 0, 0, y), "scale");
  EXPECT_REJECTED(attend(qkv, 0, qkv, mask, 2, 2, 1, 2, 0, y), "causal is 2");
  EXPECT_REJECTED(attend(qkv, 0, fixed, mask, 2, 2, 1, 0, 0, y), "rows differ");
  EXPECT_REJECTED(attend(qkv, 0, qkv, y, 2, 2, 1, 0, 0, y), "mask");
  EXPECT_REJECTED(attend(qkv, 0, qkv, -1, 2, 3, 1, 0, 0, y), "last dimension must be 6");
  EXPECT_REJECTED(attend(fixed, 0, fixed, -1, 2, 2, 1, 0, 4, fixed_y), "sequence_length 4");
  EXPECT_REJECTED(attend(fixed, 0, fixed, -1, 2, 2, 1, 0, 0, fixed_y), "sequence_length 0");
  const int32_t several = net.tokens({3, 4});
  EXPECT_REJECTED(attend(several, 0, several, -1, 2, 2, 1, 0, 0, net.tokens({3, 4})),
                  "several rows per token");
  const int32_t pooled = net.value(DMT_F32, DMT_ROWS_SEQUENCES, {4});
  EXPECT_REJECTED(attend(pooled, 0, pooled, -1, 2, 2, 1, 0, 0, pooled), "no token rows");
}

TEST_F(Rejections, embeddingAndPooling) {
  const int32_t table = net.constant({3, 4}, random_floats(12, 1)), ids = net.tokens({}, DMT_S64);
  const int32_t y = net.tokens({4}), narrow = net.tokens({3}), words = net.tokens({}, DMT_F32);
  int32_t codes = -1;
  const int64_t shape[] = {3, 4};
  expect_ok(dmt_program_constant(p, DMT_S8, shape, 2, dims, 12, 1, &codes));
  const float scales[3] = {1, 1, 1}, bad[3] = {1, kNaN, 1};
  const int32_t far[3] = {0, 0, 999};
  const auto embed = [&](const char* name, int32_t indices, int32_t from, const float* s,
                         const int32_t* z, int64_t count, int32_t accumulate, int32_t out) {
    return dmt_program_embedding(p, name, indices, from, s, z, count, 0, accumulate, out);
  };
  EXPECT_REJECTED(embed(nullptr, ids, table, nullptr, nullptr, 0, 0, y), "name is NULL");
  EXPECT_REJECTED(embed("e", words, table, nullptr, nullptr, 0, 0, y), "indices");
  EXPECT_REJECTED(embed("e", net.fixed({}, DMT_S64), table, nullptr, nullptr, 0, 0, y), "indices");
  EXPECT_REJECTED(embed("e", ids, y, nullptr, nullptr, 0, 0, y), "not constant");
  EXPECT_REJECTED(embed("e", ids, table, scales, nullptr, 3, 0, y), "takes no scales");
  EXPECT_REJECTED(embed("e", ids, codes, nullptr, nullptr, 0, 0, y), "1 or 3 row scales");
  EXPECT_REJECTED(embed("e", ids, codes, scales, nullptr, 2, 0, y), "1 or 3 row scales");
  EXPECT_REJECTED(embed("e", ids, codes, bad, nullptr, 3, 0, y), "row scale 1");
  EXPECT_REJECTED(embed("e", ids, codes, scales, far, 3, 0, y), "zero point 2 is 999");
  EXPECT_REJECTED(embed("e", ids, table, nullptr, nullptr, 0, 2, y), "accumulate is 2");
  EXPECT_REJECTED(embed("e", ids, table, nullptr, nullptr, 0, 0, narrow),
                  "last dimension must be 4");
  EXPECT_REJECTED(embed("e", -1, table, nullptr, nullptr, 0, 0, net.fixed({5, 4})),
                  "sequence_length");
  const auto pool = [&](int32_t x, int32_t mask, int32_t kind, int32_t normalize, int64_t length,
                        int32_t out) {
    return dmt_program_pooling(p, x, mask, kind, normalize, length, out);
  };
  const int32_t pooled = net.value(DMT_F32, DMT_ROWS_SEQUENCES, {4});
  EXPECT_REJECTED(pool(y, -1, 3, 0, 0, pooled), "pooling 3");
  EXPECT_REJECTED(pool(y, -1, 0, 2, 0, pooled), "normalize is 2");
  EXPECT_REJECTED(pool(y, y, 0, 0, 0, pooled), "mask");
  EXPECT_REJECTED(pool(y, -1, 0, 0, 0, narrow), "last dimension");
  EXPECT_REJECTED(pool(y, -1, 0, 0, 0, net.tokens({4})), "one row per sequence");
  EXPECT_REJECTED(pool(net.fixed({6, 4}), -1, 0, 0, 3, net.fixed({3, 4})), "one row per sequence");
}

TEST_F(Rejections, namedOperators) {
  const int32_t x = net.tokens({4}), q = net.quantized(4);
  EXPECT_REJECTED(dmt_program_operator(p, nullptr, &x, 1, &x, 1, nullptr, 0, nullptr, 0), "NULL");
  EXPECT_EQ(dmt_program_operator(p, "Brew", &x, 1, &x, 1, nullptr, 0, nullptr, 0), DMT_UNSUPPORTED);
  EXPECT_NE(std::string(dmt_last_error()).find("Brew"), std::string::npos);
  EXPECT_EQ(dmt_operator_exists(nullptr), 0);
  EXPECT_EQ(dmt_operator_exists("Brew"), 0);
  if (!dmt_operator_exists("Relu")) GTEST_SKIP() << "no Relu in this build";
  const auto relu = [&](const int32_t* in, int32_t count, const int32_t* out, int32_t integers) {
    return dmt_program_operator(p, "Relu", in, count, out, 1, nullptr, integers, nullptr, 0);
  };
  EXPECT_REJECTED(relu(&x, -1, &x, 0), "-1 inputs");
  EXPECT_REJECTED(relu(nullptr, 1, &x, 0), "inputs is NULL");
  EXPECT_REJECTED(relu(&x, 1, &x, 3), "integers is NULL");
  EXPECT_REJECTED(relu(&q, 1, &x, 0), "quantized");
  EXPECT_REJECTED(relu(&x, 1, &q, 0), "quantized");
}

TEST_F(Rejections, definitions) {
  const WeightHandle w = WeightHandle::f32(random_floats(4, 1), 2, 2);
  const int32_t x = net.tokens({2}), y = net.tokens({2});
  net.linear(x, w, nullptr, 0, -1, y);
  EXPECT_REJECTED(dmt_program_finish(p, 0), "linear #0: value 0, float32[tokens, 2], is read");
  net.input(x);
  net.output(net.tokens({3}));
  EXPECT_REJECTED(dmt_program_finish(p, 0), "output: value 2");
  EXPECT_REJECTED(dmt_program_finish(p, 3), "separable is 3");

  Network twice;
  const int32_t a = twice.input(twice.tokens({2})), b = twice.tokens({2});
  twice.linear(a, w, nullptr, 0, -1, b);
  twice.linear(a, w, nullptr, 0, -1, b);
  EXPECT_REJECTED(dmt_program_finish(twice.program, 0), "linear #1");

  Network overwritten;
  const int32_t c = overwritten.tokens({2}), d = overwritten.tokens({2});
  overwritten.linear(c, w, nullptr, 0, -1, d);
  overwritten.input(c);
  overwritten.input(d);
  EXPECT_REJECTED(dmt_program_finish(overwritten.program, 0), "is an input");

  Network done;
  done.finish(0);
  EXPECT_REJECTED(dmt_program_finish(done.program, 0), "finished");
  EXPECT_REJECTED(dmt_program_value(done.program, DMT_F32, 0, dims, 2, &id), "finished");
  EXPECT_REJECTED(dmt_program_quantize(done.program, 0, 0), "finished");
}

TEST_F(Rejections, runs) {
  const WeightHandle w = WeightHandle::f32(random_floats(4, 1), 2, 2);
  const int32_t x = net.tokens({2}), y = net.tokens({2});
  net.linear(x, w, nullptr, 0, -1, y);
  net.input(x);
  net.output(y);
  float in[8] = {}, out[16] = {};
  int64_t in_at = reinterpret_cast<int64_t>(in), out_at = reinterpret_cast<int64_t>(out);
  int64_t in_bytes = 24, out_bytes = 24, offsets[] = {0, 1, 3};
  const auto run = [&](int64_t sequences, const int64_t* at, int32_t threads = 1) {
    return dmt_program_run(p, sequences, at, &in_at, &in_bytes, 1, &out_at, &out_bytes, 1, threads);
  };
  EXPECT_REJECTED(run(2, offsets), "not finished");
  net.finish(1);
  EXPECT_EQ(run(2, offsets), DMT_OK) << dmt_last_error();
  EXPECT_REJECTED(run(-1, offsets), "-1 sequences");
  EXPECT_REJECTED(run(0, nullptr), "at least one sequence");
  EXPECT_REJECTED(run(2, nullptr), "sequence_offsets is NULL");
  EXPECT_REJECTED(run(2, offsets, -1), "-1 threads");
  const int64_t late[] = {1, 2, 3}, empty[] = {0, 3, 3}, back[] = {0, 5, 3};
  const int64_t huge[] = {0, kHuge};
  EXPECT_REJECTED(run(2, late), "begins with 1");
  EXPECT_REJECTED(run(2, empty), "sequence 1 goes from token 3 to 3");
  EXPECT_REJECTED(run(2, back), "sequence 1");
  EXPECT_EQ(run(1, huge), DMT_OUT_OF_MEMORY);
  in_bytes = 16;
  EXPECT_REJECTED(run(2, offsets), "input 0, float32[tokens, 2], needs 24 bytes for 3 tokens");
  in_bytes = 24;
  out_bytes = 32;
  EXPECT_REJECTED(run(2, offsets), "output 0");
  out_bytes = 24;
  std::swap(in_at, out_at);
  in_at = 0;
  EXPECT_REJECTED(run(2, offsets), "no address");
  in_at = reinterpret_cast<int64_t>(in) + 1;
  EXPECT_REJECTED(run(2, offsets), "not aligned");
  in_at = -8;
  EXPECT_REJECTED(run(2, offsets), "address space");
  in_at = reinterpret_cast<int64_t>(out);
  out_at = in_at + 16;
  EXPECT_REJECTED(run(2, offsets), "overlap");
  out_at = in_at + 24;
  EXPECT_EQ(run(2, offsets), DMT_OK);
  EXPECT_REJECTED(dmt_program_run(p, 2, offsets, &in_at, &in_bytes, 0, &out_at, &out_bytes, 1, 1),
                  "0 inputs are given, the program has 1");
  EXPECT_REJECTED(dmt_program_run(p, 2, offsets, nullptr, &in_bytes, 1, &out_at, &out_bytes, 1, 1),
                  "NULL");

  Network fixed;
  fixed.output(fixed.constant({1}, {1}));
  fixed.finish(0);
  const auto repeat = [&](int64_t runs) {
    return dmt_program_run(fixed.program, runs, nullptr, nullptr, nullptr, 0, &out_at, &out_bytes,
                           1, 1);
  };
  out_bytes = 4;
  EXPECT_EQ(repeat(0), DMT_OK);
  EXPECT_EQ(repeat(1), DMT_OK);
  EXPECT_REJECTED(repeat(2), "needs 8 bytes");
  EXPECT_REJECTED(repeat(-1), "-1 sequences");
  EXPECT_REJECTED(repeat(int64_t{1} << 40), "too many");
}

TEST_F(Rejections, operatorsAtOnce) {
  const int32_t dtypes[] = {DMT_F32, DMT_F32}, ranks[] = {1, 1};
  const int64_t shape[] = {2, 2};
  float data[4] = {};
  int64_t at[] = {reinterpret_cast<int64_t>(data), reinterpret_cast<int64_t>(data + 2)};
  const int64_t bytes[] = {8, 8};
  const auto run = [&](const char* name, const int32_t* types, const int32_t* rank,
                       const int64_t* shapes, const int64_t* sizes, int32_t inputs) {
    return dmt_operator_run(name, types, rank, shapes, at, sizes, inputs, 1, nullptr, 0, nullptr, 0,
                            1);
  };
  EXPECT_REJECTED(run(nullptr, dtypes, ranks, shape, bytes, 1), "NULL");
  EXPECT_EQ(run("Brew", dtypes, ranks, shape, bytes, 1), DMT_UNSUPPORTED);
  if (!dmt_operator_exists("Relu")) GTEST_SKIP() << "no Relu in this build";
  EXPECT_EQ(run("Relu", dtypes, ranks, shape, bytes, 1), DMT_OK) << dmt_last_error();
  EXPECT_REJECTED(run("Relu", nullptr, ranks, shape, bytes, 1), "NULL");
  EXPECT_REJECTED(run("Relu", dtypes, ranks, nullptr, bytes, 1), "dims is NULL");
  EXPECT_REJECTED(run("Relu", dtypes, ranks, shape, bytes, -1), "count -1");
  const int32_t deep[] = {9, 1}, unknown[] = {99, 1};
  const int64_t negative[] = {-2, 2}, few[] = {4, 8};
  EXPECT_REJECTED(run("Relu", dtypes, deep, shape, bytes, 1), "rank 9");
  EXPECT_REJECTED(run("Relu", unknown, ranks, shape, bytes, 1), "99");
  EXPECT_REJECTED(run("Relu", dtypes, ranks, negative, bytes, 1), "-2");
  EXPECT_REJECTED(run("Relu", dtypes, ranks, shape, few, 1), "needs 8 bytes, 4 are given");
  at[1] -= 4;
  EXPECT_REJECTED(run("Relu", dtypes, ranks, shape, bytes, 1), "overlap");
  at[1] += 3;
  EXPECT_REJECTED(run("Relu", dtypes, ranks, shape, bytes, 1), "not aligned");
  at[1] = -4;
  EXPECT_REJECTED(run("Relu", dtypes, ranks, shape, bytes, 1), "address space");
}

}  // namespace
}  // namespace demitasse::testing
