// Recurrent layers in programs: equal to the operator with the same weights; every wrong argument
// is an error.
#include <array>

#include "ops/operator_call.h"
#include "program/network.h"

namespace demitasse::testing {
namespace {

constexpr int64_t kSteps = 4, kBatch = 2, kInputs = 6, kHidden = 5;

const std::vector<double> kNoLimit = {0, 0, 0, 0, 0, 0, 0};
const std::vector<int64_t> kForward = {0, 0, 0, 1, 0, 0};  // sigmoid, tanh, tanh

TEST(RecurrentProgram, givesWhatTheOperatorGives) {
  const std::vector<float> x = random_floats(kSteps * kBatch * kInputs, 1);
  const std::vector<float> bias = random_floats(8 * kHidden, 4);
  const std::vector<float> w = random_floats(4 * kHidden * kInputs, 2);
  const std::vector<float> r = random_floats(4 * kHidden * kHidden, 3);
  std::vector<TestTensor> expected{empty(DMT_F32, {kSteps, 1, kBatch, kHidden}),
                                   empty(DMT_F32, {1, kBatch, kHidden}),
                                   empty(DMT_F32, {1, kBatch, kHidden})};
  const std::vector<TestTensor> inputs{
      tensor<float>({kSteps, kBatch, kInputs}, x), tensor<float>({1, 4 * kHidden, kInputs}, w),
      tensor<float>({1, 4 * kHidden, kHidden}, r), tensor<float>({1, 8 * kHidden}, bias)};
  ASSERT_EQ(try_call("LSTM", inputs, expected, kForward, kNoLimit), DMT_OK) << dmt_last_error();

  Network net;
  const int32_t in = net.input(net.fixed({kSteps, kBatch, kInputs}));
  const int32_t y = net.fixed({kSteps, 1, kBatch, kHidden});
  const int32_t h = net.fixed({1, kBatch, kHidden}), c = net.fixed({1, kBatch, kHidden});
  {
    const WeightHandle wp = WeightHandle::f32(w, kInputs, 4 * kHidden);
    const WeightHandle rp = WeightHandle::f32(r, kHidden, 4 * kHidden);
    const int64_t weights[] = {
        reinterpret_cast<int64_t>(static_cast<const dmt_weight*>(wp)),
        reinterpret_cast<int64_t>(static_cast<const dmt_weight*>(rp)),
    };
    const int32_t ins[] = {in, -1, -1, net.constant({1, 8 * kHidden}, bias), -1, -1, -1, -1};
    const int32_t outs[] = {y, h, c};
    expect_ok(dmt_program_recurrent(net.program, "LSTM", ins, 8, weights, 2, outs, 3,
                                    kForward.data(), 6, kNoLimit.data(), 7, 0));
  }  // the program keeps the weights
  for (const int32_t id : {y, h, c}) net.output(id);
  net.finish(0);
  std::vector<std::vector<float>> results{std::vector<float>(kSteps * kBatch * kHidden),
                                          std::vector<float>(kBatch * kHidden),
                                          std::vector<float>(kBatch * kHidden)};
  expect_ok(net.run<float, float>({}, {x}, results, 2));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(results[i], expected[i].values<float>()) << i;
}

// A right call of one kind of layer, whose arguments can be spoiled one by one.
struct Call {
  const char* name = "GRU";
  std::array<int32_t, 8> inputs{};
  std::array<int32_t, 3> outputs{};
  int32_t input_count = 8, output_count = 3, weight_count = 3;
  std::vector<int64_t> weights;
  std::vector<int64_t> integers = {0, 0, 0, 1, 0};  // sigmoid, tanh
  std::vector<double> floats = {0, 0, 0, 0, 0};
  int32_t integer_count = 5, float_count = 5, quantize = 0;

  int32_t into(dmt_program* program) const {
    return dmt_program_recurrent(program, name, inputs.data(), input_count, weights.data(),
                                 weight_count, outputs.data(), output_count, integers.data(),
                                 integer_count, floats.data(), float_count, quantize);
  }
};

class RecurrentCall : public ::testing::Test {
 protected:
  static int64_t address(const dmt_weight* weight) { return reinterpret_cast<int64_t>(weight); }

  Call right() {
    Call call;
    call.weights = {address(w), address(gates), address(candidate)};
    call.inputs = {x, -1, -1, -1, -1, -1, -1, -1};
    call.outputs = {y, h, -1};
    return call;
  }

  Network net;
  const WeightHandle w = WeightHandle::int8(kInputs, 3 * kHidden, 1);
  const WeightHandle gates = WeightHandle::int8(kHidden, 2 * kHidden, 2);
  const WeightHandle candidate = WeightHandle::int8(kHidden, kHidden, 3);
  const WeightHandle floats = WeightHandle::f32(random_floats(kInputs * 15, 1), kInputs, 15);
  const int32_t x = net.input(net.fixed({kSteps, kBatch, kInputs}));
  const int32_t y = net.fixed({kSteps, 1, kBatch, kHidden});
  const int32_t h = net.fixed({1, kBatch, kHidden});
};

#define EXPECT_SPOILED(change, text)               \
  do {                                             \
    Call call = right();                           \
    change;                                        \
    EXPECT_REJECTED(call.into(net.program), text); \
  } while (false)

TEST_F(RecurrentCall, wrongArgumentsAreErrors) {
  EXPECT_EQ(right().into(net.program), DMT_OK) << dmt_last_error();
  EXPECT_SPOILED(call.name = nullptr, "name is NULL");
  EXPECT_SPOILED(call.input_count = 7, "7 inputs and 3 outputs");
  EXPECT_SPOILED(call.output_count = -1, "-1 outputs");
  EXPECT_SPOILED(call.inputs[0] = 99, "x is 99");
  EXPECT_SPOILED(call.inputs[0] = -1, "needs input 0");
  EXPECT_SPOILED(call.inputs[1] = x, "w is a value");
  EXPECT_SPOILED(call.inputs[0] = h, "GRU: the shape must be [1,1,2,5]");
  EXPECT_SPOILED(call.inputs[0] = net.tokens({kBatch, kInputs}), "static");
  EXPECT_SPOILED(call.inputs[3] = h, "GRU");
  EXPECT_SPOILED(call.inputs[4] = h, "lengths is float32[1, 2, 5], a static value of int32");
  EXPECT_SPOILED(call.inputs[4] = net.fixed({3}, DMT_S32), "GRU");
  EXPECT_SPOILED(call.inputs[5] = x, "GRU");
  EXPECT_SPOILED(call.outputs[0] = x, "y is an input");
  EXPECT_SPOILED(call.outputs[0] = h, "GRU");
  EXPECT_SPOILED(call.weights[0] = 0, "weight handle is NULL");
  EXPECT_SPOILED(call.weights[1] = 0x123456789, "not valid");
  EXPECT_SPOILED(call.weight_count = 1, "no weights");
  EXPECT_SPOILED(call.weight_count = 2, "2 weights are given, 3");
  EXPECT_SPOILED(call.weight_count = -2, "-2 weights");
  EXPECT_SPOILED(call.weights[0] = call.weights[1], "input weight of direction 0 is [5 x 10]");
  EXPECT_SPOILED(call.weights[2] = call.weights[1], "candidate weight of direction 0 is [5 x 10]");
  EXPECT_SPOILED(call.integers[2] = 1, "3 weights are given, 2");
  EXPECT_SPOILED(call.integers[1] = 2, "GRU");
  EXPECT_SPOILED(call.integers[1] = 3, "direction 3");
  EXPECT_SPOILED(call.integers[3] = 11, "activation function 11");
  EXPECT_SPOILED(call.integer_count = 4, "integers");
  EXPECT_SPOILED(call.float_count = 1, "floats");
  EXPECT_SPOILED(call.quantize = 2, "quantize is 2");
  EXPECT_SPOILED((call.quantize = 1, call.weights[0] = address(floats)), "weight of floats");
  Call other = right();
  other.name = "QRNN";
  EXPECT_EQ(other.into(net.program), DMT_UNSUPPORTED);
  dmt_weight* kernel = nullptr;
  const float taps[4] = {};
  const int64_t dims[] = {1, 4, 1, 1};
  expect_ok(
      dmt_weight_pack_convolution(taps, 16, dims, 1, 1, DMT_CONVOLUTION_CHANNELS_LAST, &kernel));
  EXPECT_SPOILED(call.weights[1] = address(kernel), "convolution");
  dmt_weight_release(kernel);
}

TEST_F(RecurrentCall, anyCallIsAnsweredWithAStatus) {
  std::mt19937 random(1);
  const auto below = [&](int n) { return static_cast<int>(random() % n); };
  static constexpr int64_t kEdges[] = {-1, 0,         1,         2,         3,
                                       8,  INT32_MAX, INT64_MIN, INT64_MAX, 1LL << 61};
  int added = 0;
  for (int i = 0; i < 4000; ++i) {
    Network fresh;
    Call call = right();
    call.inputs[0] = fresh.input(fresh.fixed({kSteps, kBatch, kInputs}));
    call.outputs = {fresh.fixed({kSteps, 1, kBatch, kHidden}), fresh.fixed({1, kBatch, kHidden}),
                    -1};
    call.quantize = below(2);
    for (int spoiled = below(3); spoiled > 0; --spoiled) {
      const int64_t edge = kEdges[below(std::size(kEdges))];
      switch (below(7)) {
        case 0:
          call.inputs[below(8)] = below(2) == 0 ? static_cast<int32_t>(edge) : below(4);
          break;
        case 1:
          call.outputs[below(3)] = static_cast<int32_t>(edge);
          break;
        case 2:
          call.weights[below(3)] = below(2) == 0 ? edge : call.weights[below(3)];
          break;
        case 3:
          call.integers[below(5)] = edge;
          break;
        case 4:
          call.floats[below(5)] = below(2) == 0 ? NAN : INFINITY;
          break;
        case 5:
          call.quantize = static_cast<int32_t>(edge);
          break;
        default:
          // Fewer than there are: more would be a lie, which nothing could find out.
          (below(2) == 0 ? call.weight_count : call.integer_count) -= below(4);
      }
    }
    const int32_t status = call.into(fresh.program);
    ASSERT_TRUE(status >= DMT_OK && status < DMT_INTERNAL) << dmt_last_error();
    if (status != DMT_OK) continue;
    ++added;
    fresh.output(call.outputs[0] >= 0 ? call.outputs[0] : call.inputs[0]);
    if (dmt_program_finish(fresh.program, 0) != DMT_OK) continue;
    std::vector<std::vector<float>> y{std::vector<float>(kSteps * kBatch * kHidden)};
    const std::vector<std::vector<float>> in{random_floats(kSteps * kBatch * kInputs, i)};
    const int32_t ran = fresh.run<float, float>({}, in, y, 1 + below(2));
    ASSERT_TRUE(ran >= DMT_OK && ran < DMT_INTERNAL) << dmt_last_error();
  }
  EXPECT_GT(added, 500) << "too little is right for the deep calls to be reached";
  EXPECT_LT(added, 4000);
}

}  // namespace
}  // namespace demitasse::testing
