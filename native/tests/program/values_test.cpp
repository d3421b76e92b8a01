// Values: constants, aliases, inputs and outputs, and how runs bind them.
#include <thread>

#include "program/network.h"

namespace demitasse::testing {
namespace {

std::vector<float> identity(int64_t n, float scale = 1) {
  std::vector<float> matrix(n * n);
  for (int64_t i = 0; i < n; ++i) matrix[i * n + i] = scale;
  return matrix;
}

TEST(Values, linearThroughAnAliasSeesTheSameMemory) {
  Network net;
  const WeightHandle twice = WeightHandle::f32(identity(4, 2), 4, 4);
  const int32_t x = net.input(net.fixed({2, 4})), y = net.fixed({2, 4});
  net.linear(x, twice, nullptr, DMT_ACTIVATION_NONE, -1, y);
  const int32_t flat = net.alias(y, DMT_ROWS_STATIC, {2, 1, 4}), z = net.fixed({1, 2, 4});
  net.linear(net.alias(flat, DMT_ROWS_STATIC, {1, 2, 4}), twice, nullptr, DMT_ACTIVATION_NONE, -1,
             z);
  net.output(net.alias(z, DMT_ROWS_STATIC, {8}));
  net.output(flat);
  net.finish(0);
  std::vector<std::vector<float>> out(2, std::vector<float>(8));
  const std::vector<float> in = random_floats(8, 1);
  expect_ok(net.run({}, std::vector<std::vector<float>>{in}, out, 2));
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(out[0][i], in[i] * 4);
    EXPECT_EQ(out[1][i], in[i] * 2);
  }
}

TEST(Values, aStaticProgramRunsOnceForEachPieceOfItsMemory) {
  Network net;
  const WeightHandle weight = WeightHandle::f32(random_floats(12, 7), 4, 3);
  const int32_t x = net.input(net.fixed({2, 4})), y = net.fixed({2, 3});
  net.linear(x, weight, nullptr, DMT_ACTIVATION_TANH, -1, y);
  net.output(net.alias(y, DMT_ROWS_STATIC, {6}));
  net.output(y);
  net.output(net.constant({3}, {1, 2, 3}));
  net.finish(0);
  constexpr int64_t kMost = 7;
  const std::vector<float> in = random_floats(8 * kMost, 1);
  const auto run = [&](int64_t first, int64_t runs, int32_t threads) {
    std::vector<std::vector<float>> out = {
        std::vector<float>(6 * runs), std::vector<float>(6 * runs), std::vector<float>(3 * runs)};
    std::vector<int64_t> at, bytes;
    for (auto& output : out) {
      at.push_back(reinterpret_cast<int64_t>(output.data()));
      bytes.push_back(static_cast<int64_t>(output.size() * sizeof(float)));
    }
    const int64_t in_at = reinterpret_cast<int64_t>(in.data() + 8 * first), in_bytes = 32 * runs;
    expect_ok(dmt_program_run(net.program, runs, nullptr, &in_at, &in_bytes, 1, at.data(),
                              bytes.data(), 3, threads));
    return out;
  };
  for (const int64_t runs : {int64_t{1}, int64_t{2}, int64_t{3}, kMost}) {
    for (const int32_t threads : {1, 2, 3, 8}) {
      std::vector<std::vector<float>> expected(3);
      for (int64_t i = 0; i < runs; ++i) {
        const auto one = run(i, 1, 1);
        for (size_t o = 0; o < 3; ++o) {
          expected[o].insert(expected[o].end(), one[o].begin(), one[o].end());
        }
      }
      ASSERT_EQ(run(0, runs, threads), expected) << runs << " runs, " << threads << " threads";
    }
  }
}

TEST(Values, binaryLayersChainWithoutFloats) {
  constexpr int64_t kIn = 100, kHidden = 70, kOut = 5, kRows = 9;
  std::mt19937 random(3);
  std::vector<uint8_t> first(kIn * kHidden / 8), second((kHidden * kOut + 7) / 8);
  for (uint8_t& byte : first) byte = static_cast<uint8_t>(random());
  for (uint8_t& byte : second) byte = static_cast<uint8_t>(random());
  const std::vector<float> ones(kHidden, 1.0f), halves(kOut, 0.5f), bias = {1, 2, 3, 4, 5};
  std::vector<int32_t> thresholds(kHidden);
  for (int64_t j = 0; j < kHidden; ++j) thresholds[j] = static_cast<int32_t>(j % 9) - 4;
  dmt_weight *w1 = nullptr, *w2 = nullptr;
  expect_ok(dmt_weight_pack_binary(first.data(), first.size(), kIn, kHidden, kHidden, 1, kIn,
                                   DMT_F32, ones.data(), kHidden * 4, &w1));
  expect_ok(dmt_weight_pack_binary(second.data(), second.size(), kHidden, kOut, kOut, 1, kHidden,
                                   DMT_F32, halves.data(), kOut * 4, &w2));
  Network net;
  const int32_t x = net.input(net.tokens({kIn})), bits = net.tokens({2}, DMT_S64);
  const int32_t hidden = net.tokens({2}, DMT_S64), y = net.tokens({kOut});
  expect_ok(dmt_program_binarize(net.program, x, bits));
  expect_ok(dmt_program_binary_linear(net.program, bits, w1, nullptr, DMT_ACTIVATION_NONE,
                                      thresholds.data(), hidden));
  expect_ok(dmt_program_binary_linear(net.program, hidden, w2, bias.data(), DMT_ACTIVATION_RELU,
                                      nullptr, y));
  net.output(y);
  net.finish(1);
  dmt_weight_release(w1);
  dmt_weight_release(w2);
  const std::vector<float> in = random_floats(kRows * kIn, 2);
  const auto sign = [](const std::vector<uint8_t>& bytes, int64_t index) {
    return (bytes[index / 8] >> index % 8 & 1) != 0 ? 1 : -1;
  };
  std::vector<float> expected;
  for (int64_t m = 0; m < kRows; ++m) {
    int32_t signs[kHidden];
    for (int64_t j = 0; j < kHidden; ++j) {
      int32_t sum = 0;
      for (int64_t i = 0; i < kIn; ++i) {
        sum += (in[m * kIn + i] >= 0 ? 1 : -1) * sign(first, i * kHidden + j);
      }
      signs[j] = sum >= thresholds[j] ? 1 : -1;
    }
    for (int64_t o = 0; o < kOut; ++o) {
      int32_t sum = 0;
      for (int64_t j = 0; j < kHidden; ++j) sum += signs[j] * sign(second, j * kOut + o);
      expected.push_back(std::max(0.0f, static_cast<float>(sum) * 0.5f + bias[o]));
    }
  }
  for (int32_t threads : {1, 3}) {
    std::vector<std::vector<float>> out = {std::vector<float>(kRows * kOut)};
    expect_ok(net.run({0, 1, 5, 9}, std::vector<std::vector<float>>{in}, out, threads));
    EXPECT_EQ(out[0], expected);
  }
}

TEST(Values, outputsMayBeInputsConstantsOrTheSameTwice) {
  Network net;
  const WeightHandle negate = WeightHandle::f32(identity(3, -1), 3, 3);
  const std::vector<float> kept = {5, 6};
  const int32_t x = net.input(net.tokens({3})), y = net.tokens({3});
  const int32_t constant = net.constant({2}, kept);
  net.linear(x, negate, nullptr, DMT_ACTIVATION_NONE, -1, y);
  net.output(x);
  net.output(constant);
  net.output(y);
  net.output(net.alias(y, DMT_ROWS_TOKENS, {1, 3}));
  net.finish(1);
  for (int32_t threads : {1, 3}) {
    const std::vector<float> in = random_floats(12 * 3, 2);
    std::vector<std::vector<float>> out = {std::vector<float>(36), std::vector<float>(2),
                                           std::vector<float>(36), std::vector<float>(36)};
    expect_ok(net.run({0, 1, 5, 12}, std::vector<std::vector<float>>{in}, out, threads));
    EXPECT_EQ(out[0], in);
    EXPECT_EQ(out[1], kept);
    for (int i = 0; i < 36; ++i) EXPECT_EQ(out[2][i], -in[i]);
    EXPECT_EQ(out[3], out[2]);
  }
}

TEST(Values, constantWithoutCopyIsReadInPlace) {
  Network net;
  std::vector<float> data = {1, 2, 3};
  const int32_t live = net.constant({3}, data, 0), copied = net.constant({3}, data, 1);
  net.output(live);
  net.output(copied);
  net.finish(0);
  data[0] = 9;
  std::vector<std::vector<float>> out(2, std::vector<float>(3));
  expect_ok(net.run({}, std::vector<std::vector<float>>{}, out, 1));
  EXPECT_EQ(out[0][0], 9);
  EXPECT_EQ(out[1][0], 1);
}

TEST(Values, staticAttentionAndHeadsFollowTheSequenceLength) {
  // Two sequences of 3 rows; uniform attention (q = 0) gives the mean of v per sequence.
  Network net;
  const int32_t q = net.constant({6, 4}, std::vector<float>(24, 0.0f));
  const int32_t v = net.input(net.fixed({6, 4})), y = net.fixed({6, 4});
  expect_ok(dmt_program_attention(net.program, q, 0, q, 0, v, 0, -1, 2, 2, 1.0f, 0, 3, y));
  const WeightHandle same = WeightHandle::f32(identity(4), 4, 4);
  const int32_t heads = net.fixed({2, 6, 2});
  net.linear(v, same, nullptr, DMT_ACTIVATION_NONE, -1, heads, 2);
  const int32_t first = net.fixed({2, 4});
  expect_ok(dmt_program_pooling(net.program, v, -1, DMT_POOLING_FIRST, 0, 3, first));
  net.output(y);
  net.output(heads);
  net.output(first);
  net.finish(0);
  const std::vector<float> in = random_floats(24, 3);
  std::vector<std::vector<float>> out = {std::vector<float>(24), std::vector<float>(24),
                                         std::vector<float>(8)};
  expect_ok(net.run({}, std::vector<std::vector<float>>{in}, out, 1));
  for (int row = 0; row < 6; ++row) {
    for (int column = 0; column < 4; ++column) {
      const int from = row / 3 * 3;
      const float mean =
          (in[from * 4 + column] + in[from * 4 + 4 + column] + in[from * 4 + 8 + column]) / 3;
      EXPECT_NEAR(out[0][row * 4 + column], mean, 1e-6);
      EXPECT_EQ(out[1][column / 2 * 12 + row * 2 + column % 2], in[row * 4 + column]);
    }
  }
  for (int i = 0; i < 8; ++i) EXPECT_EQ(out[2][i], in[i / 4 * 12 + i % 4]);
}

TEST(Values, quantizationOfTheWholeTensorSeesAllSequences) {
  Network net;
  const WeightHandle weight = WeightHandle::int8(4, 4, 9);
  const int32_t x = net.input(net.tokens({4})), y = net.tokens({4});
  const int32_t q = net.quantized(4, DMT_QUANTIZATION_DYNAMIC_TENSOR);
  expect_ok(dmt_program_quantize(net.program, x, q));
  net.linear(q, weight, nullptr, DMT_ACTIVATION_NONE, -1, y);
  net.output(y);
  net.finish(1);  // must not be cut into groups all the same
  const std::vector<float> in = random_floats(100 * 4, 4);
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i <= 100; i += 5) offsets.push_back(i);
  std::vector<std::vector<float>> together(1, std::vector<float>(400)), split = together;
  expect_ok(net.run({0, 100}, std::vector<std::vector<float>>{in}, together, 1));
  expect_ok(net.run(offsets, std::vector<std::vector<float>>{in}, split, 5));
  EXPECT_EQ(split, together);
}

TEST(Values, namedOperatorSeesTheRowCountInFront) {
  if (!dmt_operator_exists("Add")) GTEST_SKIP() << "no Add in this build";
  Network net;
  const int32_t x = net.input(net.tokens({2})), row = net.constant({2}, {10, 20});
  const int32_t y = net.tokens({2});
  const int32_t in[] = {x, row}, out[] = {y};
  expect_ok(dmt_program_operator(net.program, "Add", in, 2, out, 1, nullptr, 0, nullptr, 0));
  net.output(y);
  net.finish(1);
  std::vector<std::vector<float>> result(1, std::vector<float>(6));
  expect_ok(net.run({0, 1, 3}, std::vector<std::vector<float>>{{1, 2, 3, 4, 5, 6}}, result, 2));
  EXPECT_EQ(result[0], (std::vector<float>{11, 22, 13, 24, 15, 26}));
}

TEST(Values, weightOutlivesItsHandleInsideAProgram) {
  Network net;
  const int32_t x = net.input(net.fixed({1, 2})), y = net.fixed({1, 2});
  {
    const WeightHandle weight = WeightHandle::f32(identity(2, 3), 2, 2);
    net.linear(x, weight, nullptr, DMT_ACTIVATION_NONE, -1, y);
  }
  net.output(y);
  net.finish(0);
  std::vector<std::vector<float>> out(1, std::vector<float>(2));
  expect_ok(net.run({}, std::vector<std::vector<float>>{{1, 2}}, out, 1));
  EXPECT_EQ(out[0], (std::vector<float>{3, 6}));
}

}  // namespace
}  // namespace demitasse::testing
