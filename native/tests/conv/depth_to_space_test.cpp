// Convolutions whose results are moved from depth to space equal, to the bit, those of the same
// convolution at the same level, moved afterwards.
#include <algorithm>

#include "conv/code_convolution.h"
#include "conv/convolution.h"
#include "conv/finish.h"
#include "gemm/blocking.h"
#include "gemm/linear_cases.h"
#include "program/network.h"

namespace demitasse::testing {
namespace {

struct Case {
  ConvolutionKernel kernel;
  ConvolutionPlace place;

  int64_t inputs() const {
    return place.batch * place.height * place.width * kernel.group_channels;
  }
  int64_t pixels() const { return place.batch * place.out_height * place.out_width; }
  int64_t outputs() const { return pixels() * kernel.out_channels; }
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  const auto& [k, p] = c;
  return out << "block " << k.block << " of " << k.out_channels << " channels, kernel " << k.height
             << "x" << k.width << " stride " << p.stride_w << " dilation " << p.dilation_w
             << " channels first " << k.channels_first;
}

// [N][OH][OW][block][block][C] becomes [N][OH][block][OW][block][C]: the definition of ONNX.
template <class T>
std::vector<T> depth_to_space(const Case& c, const std::vector<T>& y) {
  const int64_t block = c.kernel.block, channels = c.kernel.out_channels / (block * block);
  std::vector<T> moved;
  for (int64_t row = 0; row < c.place.batch * c.place.out_height; ++row) {
    for (int64_t i = 0; i < block; ++i) {
      for (int64_t column = 0; column < c.place.out_width; ++column) {
        const int64_t pixel = row * c.place.out_width + column;
        const auto from = y.begin() + (pixel * block + i) * block * channels;
        moved.insert(moved.end(), from, from + block * channels);
      }
    }
  }
  return moved;
}

std::vector<Case> cases(bool with_channels_first) {
  const ConvolutionPlace plain{.batch = 2, .height = 3, .width = 11};
  ConvolutionPlace padded = plain, strided = plain, dilated = plain, skipping = plain;
  padded.pad_top = padded.pad_left = 1;
  strided.pad_left = strided.stride_h = strided.stride_w = 2;
  strided.pad_top = 1;
  dilated.dilation_h = dilated.dilation_w = dilated.pad_top = dilated.pad_left = 2;
  skipping.stride_h = skipping.stride_w = 2;
  std::vector<Case> all;
  for (const int64_t block : {2, 3, 4}) {
    for (const int64_t channels : {1, 3, 24, 33}) {
      const auto add = [&](int64_t size, ConvolutionPlace place, bool channels_first = false) {
        place.out_height = quotient_up(place.height, place.stride_h);
        place.out_width = quotient_up(place.width, place.stride_w);
        all.push_back({{.out_channels = block * block * channels,
                        .group_channels = 5,
                        .height = size,
                        .width = size,
                        .channels_first = channels_first,
                        .block = block},
                       place});
      };
      add(1, plain);
      add(1, skipping);
      for (const ConvolutionPlace& place : {padded, strided, dilated}) {
        add(3, place);
        if (with_channels_first) add(3, place, true);
      }
    }
  }
  return all;
}

// Work enough for several threads, in lines read in place and copied.
std::vector<Case> large_cases() {
  return {{{.out_channels = 96, .group_channels = 96, .block = 2},
           {.batch = 1, .height = 31, .width = 37, .out_height = 31, .out_width = 37}},
          {{.out_channels = 63, .group_channels = 30, .height = 3, .width = 3, .block = 3},
           {.batch = 2,
            .height = 17,
            .width = 19,
            .out_height = 17,
            .out_width = 19,
            .pad_top = 1,
            .pad_left = 1}}};
}

const std::vector<dmt_activation> kActivations = {
    DMT_ACTIVATION_NONE,      DMT_ACTIVATION_RELU,      DMT_ACTIVATION_GELU_ERF,
    DMT_ACTIVATION_GELU_TANH, DMT_ACTIVATION_SILU,      DMT_ACTIVATION_HARD_SWISH,
    DMT_ACTIVATION_TANH,      DMT_ACTIVATION_CLIP,      DMT_ACTIVATION_HARD_SIGMOID,
    DMT_ACTIVATION_SIGMOID,   DMT_ACTIVATION_LEAKY_RELU};

// residual: 0 none, 1 behind the activation and a scale and a shift, 2 before the activation.
ConvolutionEpilogue epilogue_of(dmt_activation activation, int residual) {
  ConvolutionEpilogue epilogue;
  epilogue.activation = activation;
  epilogue.alpha = activation == DMT_ACTIVATION_CLIP ? -0.25f : 0.2f;
  epilogue.beta = 0.5f;
  epilogue.residual_first = residual == 2;
  if (residual == 1) {
    epilogue.scale = 1.5f;
    epilogue.shift = -0.25f;
  }
  return epilogue;
}

// The packed convolution of a case and the same one whose results are not moved.
template <class Packed>
struct Pair {
  template <class Pack>
  Pair(Case c, Pack&& pack) : blocked(c), moved(pack(c.kernel)) {
    c.kernel.block = 1;
    plain = pack(c.kernel);
  }
  Case blocked;
  std::unique_ptr<Packed> moved, plain;
};

// Compares the results of call(packed, epilogue, to, executor), by elements T.
template <class T, class Packed, class Call>
void compare(const Pair<Packed>& pair, ConvolutionEpilogue epilogue, int residual,
             const std::vector<int>& threads, Call&& call) {
  const Case& c = pair.blocked;
  const std::vector<float> bias = Random(3).reals(c.kernel.out_channels);
  const std::vector<float> added = Random(4).reals(c.outputs());
  const std::vector<float> moved_added = depth_to_space(c, added);
  epilogue.bias = bias.data();
  if (residual > 0) epilogue.residual = added.data();
  std::vector<T> plain(c.outputs());
  call(*pair.plain, epilogue, plain.data(), serial_executor());
  const std::vector<T> expected = depth_to_space(c, plain);
  if (residual > 0) epilogue.residual = moved_added.data();
  for (const int count : threads) {
    Guarded<T> out(c.pixels(), c.kernel.out_channels, c.kernel.out_channels);
    call(*pair.moved, epilogue, out.data(), PoolExecutor(count));
    ASSERT_TRUE(out.intact()) << c;
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), out.data()))
        << c << ", activation " << epilogue.activation << " residual " << residual << " threads "
        << count;
  }
}

void check_floats(Isa isa, const Case& c,
                  const std::vector<dmt_activation>& activations = kActivations,
                  const std::vector<int>& threads = {1}) {
  const std::vector<float> x = Random(1).reals(c.inputs());
  const std::vector<float> w = Random(2).reals(c.kernel.out_channels * c.kernel.depth());
  const Pair<ConvolutionWeight> pair(c, [&](const ConvolutionKernel& kernel) {
    return pack_float_convolution(isa, kernel, w.data());
  });
  for (const dmt_activation activation : activations) {
    for (const int residual : {0, 1, 2}) {
      compare<float>(pair, epilogue_of(activation, residual), residual, threads,
                     [&](const ConvolutionWeight& packed, ConvolutionEpilogue epilogue, float* to,
                         const Executor& executor) {
                       epilogue.out = to;
                       packed.run(x.data(), c.place, epilogue, executor);
                     });
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

void check_codes(Isa isa, const Case& c,
                 const std::vector<dmt_activation>& activations = kActivations,
                 const std::vector<int>& threads = {1}) {
  Random random(6);
  std::vector<uint8_t> x(c.inputs());
  std::vector<int8_t> w(c.kernel.out_channels * c.kernel.depth());
  for (uint8_t& code : x) code = static_cast<uint8_t>(random.integer(0, 255));
  for (int8_t& code : w) code = static_cast<int8_t>(random.integer(-128, 127));
  const std::vector<float> scales = random.reals(c.kernel.out_channels, 0.0001f, 0.002f);
  const Pair<CodeConvolutionWeight> pair(c, [&](const ConvolutionKernel& kernel) {
    return pack_code_convolution(isa, kernel, w.data(), scales.data(), kernel.out_channels);
  });
  for (const dmt_activation activation : activations) {
    for (const int residual : {0, 1, 2}) {
      const ConvolutionEpilogue epilogue = epilogue_of(activation, residual);
      compare<float>(pair, epilogue, residual, threads,
                     [&](const CodeConvolutionWeight& packed, ConvolutionEpilogue given, float* to,
                         const Executor& executor) {
                       given.out = to;
                       packed.run(x.data(), {0.05f, 117}, c.place, given, nullptr, {}, executor);
                     });
      if (::testing::Test::HasFatalFailure()) return;
      if (!is_applied_by_kernels(activation)) continue;
      compare<uint8_t>(
          pair, epilogue, residual, threads,
          [&](const CodeConvolutionWeight& packed, const ConvolutionEpilogue& given, uint8_t* to,
              const Executor& executor) {
            packed.run(x.data(), {0.05f, 117}, c.place, given, to, {0.02f, 101}, executor);
          });
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

class DepthToSpace : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, DepthToSpace, ::testing::ValuesIn(levels()), level_name);

TEST_P(DepthToSpace, floatsAreThoseOfThePlainConvolution) {
  for (const Case& c : cases(true)) {
    check_floats(GetParam(), c);
    if (HasFatalFailure()) return;
  }
}

TEST_P(DepthToSpace, codesAreThoseOfThePlainConvolution) {
  for (const Case& c : cases(false)) {
    check_codes(GetParam(), c);
    if (HasFatalFailure()) return;
  }
}

TEST_P(DepthToSpace, resultsDoNotDependOnThreads) {
  const std::vector<dmt_activation> activations = {
      DMT_ACTIVATION_HARD_SWISH, DMT_ACTIVATION_SIGMOID, DMT_ACTIVATION_LEAKY_RELU};
  for (const Case& c : large_cases()) {
    check_floats(GetParam(), c, activations, {1, 2, 3});
    check_codes(GetParam(), c, activations, {1, 2, 3});
    if (HasFatalFailure()) return;
  }
}

TEST_P(DepthToSpace, absurdDilationsCopyNothing) {
  check_floats(GetParam(),
               {{.out_channels = 12, .group_channels = 3, .height = 2, .width = 2, .block = 2},
                {.batch = 1,
                 .height = 4,
                 .width = 4,
                 .out_height = 4,
                 .out_width = 4,
                 .dilation_h = int64_t{1} << 30,
                 .dilation_w = int64_t{1} << 30}});
}

TEST_P(DepthToSpace, nothingIsComputedForEmptyTensors) {
  const Case c{{.out_channels = 8, .group_channels = 3, .block = 2},
               {.batch = 0, .height = 8, .width = 8, .out_height = 8, .out_width = 8}};
  check_floats(GetParam(), c);
  check_codes(GetParam(), c);
}

// ---- the C ABI

class DepthToSpaceCall : public ::testing::Test {
 protected:
  ~DepthToSpaceCall() override {
    dmt_weight_release(floats);
    dmt_weight_release(codes);
  }

  int32_t pack_floats(int64_t group, int64_t block) {
    return dmt_weight_pack_convolution(w.data(), 96, dims, group, block,
                                       DMT_CONVOLUTION_CHANNELS_LAST, &floats);
  }
  int32_t pack_codes(int64_t group, int64_t block) {
    return dmt_weight_pack_code_convolution(w.data(), 24, dims, group, block, &scale, 1, &codes);
  }

  const int64_t dims[4] = {12, 2, 1, 1};
  const std::vector<float> w = random_floats(24, 1);
  const float scale = 0.01f;
  const int64_t geometry[6] = {1, 1, 0, 0, 1, 1};
  const float parameters[4] = {0, 0, 1, 0};
  dmt_weight* floats = nullptr;
  dmt_weight* codes = nullptr;
  Network net;
};

TEST_F(DepthToSpaceCall, blocksThatDoNotFitAreRejected) {
  for (const int64_t block : {int64_t{-1}, int64_t{0}, int64_t{65}, int64_t{1} << 32, INT64_MIN}) {
    const std::string text = "blocks of " + std::to_string(block) + " x ";
    EXPECT_REJECTED(pack_floats(1, block), text);
    EXPECT_REJECTED(pack_codes(1, block), text);
  }
  EXPECT_REJECTED(pack_floats(1, 3), "blocks of 3 x 3 of 12 output channels");
  EXPECT_REJECTED(pack_codes(1, 4), "blocks of 4 x 4 of 12 output channels");
  EXPECT_EQ(pack_floats(2, 2), DMT_UNSUPPORTED);
  EXPECT_EQ(pack_codes(2, 2), DMT_UNSUPPORTED);
  EXPECT_REJECTED(dmt_weight_pack_convolution(w.data(), 96, dims, 1, 1, 2, &floats),
                  "kind 2 of convolution");
  EXPECT_EQ(floats, nullptr);
  EXPECT_EQ(codes, nullptr);
}

TEST_F(DepthToSpaceCall, resultsAreShapedAsMoved) {
  expect_ok(pack_floats(1, 2));
  expect_ok(pack_codes(1, 2));
  const int32_t x = net.input(net.fixed({1, 5, 7, 2}));
  const int32_t x_codes = net.input(net.fixed({1, 5, 7, 2}, DMT_U8));
  const auto call = [&](int32_t y, int32_t residual) {
    return dmt_program_convolution(net.program, x, floats, geometry, nullptr, 0, parameters,
                                   residual, 0, y);
  };
  const auto call_codes = [&](int32_t y, int32_t residual) {
    return dmt_program_code_convolution(net.program, x_codes, 0.1f, 3, codes, geometry, nullptr, 0,
                                        parameters, residual, 0, y, 1, 0);
  };
  const int32_t unmoved = net.input(net.fixed({1, 5, 7, 12}));
  const int32_t deep = net.fixed({1, 10, 14, 12}), odd_height = net.fixed({1, 9, 14, 3}),
                odd_width = net.fixed({1, 10, 13, 3}), y = net.fixed({1, 10, 14, 3}),
                far = net.fixed({1, int64_t{1} << 33, 2, 3});
  EXPECT_REJECTED(call(unmoved, -1), "y");
  EXPECT_REJECTED(call(deep, -1), "3 channels");
  EXPECT_REJECTED(call_codes(deep, -1), "3 channels");
  EXPECT_REJECTED(call(odd_height, -1), "multiples of the weight's block of 2");
  EXPECT_REJECTED(call_codes(odd_width, -1), "multiples of the weight's block of 2");
  EXPECT_REJECTED(call(far, -1), "reach too far");
  EXPECT_REJECTED(call(y, unmoved), "residual");
  EXPECT_REJECTED(call_codes(y, unmoved), "residual");
}

TEST_F(DepthToSpaceCall, aProgramMovesWhatItConvolves) {
  const Case c{{.out_channels = 12, .group_channels = 2, .block = 2},
               {.batch = 1, .height = 5, .width = 7, .out_height = 5, .out_width = 7}};
  std::vector<std::vector<float>> results;
  for (const int64_t block : {1, 2}) {
    Network network;
    dmt_weight_release(floats);
    expect_ok(pack_floats(1, block));
    const int32_t x = network.input(network.fixed({1, 5, 7, 2}));
    const int32_t y = network.fixed({1, 5 * block, 7 * block, 12 / (block * block)});
    expect_ok(dmt_program_convolution(network.program, x, floats, geometry, nullptr,
                                      DMT_ACTIVATION_SIGMOID, parameters, -1, 0, y));
    network.output(y);
    network.finish(0);
    std::vector<std::vector<float>> out(1, std::vector<float>(c.outputs()));
    expect_ok(network.run<float, float>({}, {random_floats(70, 5)}, out, 2));
    results.push_back(out[0]);
  }
  EXPECT_EQ(results[1], depth_to_space(c, results[0]));
}

}  // namespace
}  // namespace demitasse::testing
