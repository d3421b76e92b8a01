// Convolution of codes: every level equals the scalar one to the bit, and that the formula.
#include "conv/code_convolution.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gemm/linear_cases.h"

namespace demitasse::testing {
namespace {

struct CodeCase {
  ConvolutionKernel kernel;
  ConvolutionPlace place;
};

std::vector<CodeCase> cases() {
  Random random(5);
  std::vector<CodeCase> all;
  for (int64_t out = 1; out <= 70; ++out) {
    all.push_back({{out, 4 * (out % 5 + 1)},
                   {.batch = 2,
                    .height = 3,
                    .width = out % 13 + 1,
                    .out_height = 3,
                    .out_width = out % 13 + 1}});
  }
  // Pixels of a byte or two, so that many lines are near the end of x.
  all.push_back(
      {{3, 1, 3, 1}, {.batch = 3, .height = 5, .width = 1, .out_height = 3, .out_width = 1}});
  all.push_back(
      {{2, 1, 2, 2}, {.batch = 2, .height = 4, .width = 2, .out_height = 3, .out_width = 1}});
  all.push_back(
      {{5, 2, 1, 1}, {.batch = 2, .height = 1, .width = 1, .out_height = 1, .out_width = 1}});
  all.push_back(
      {{4, 1, 1, 1, 2}, {.batch = 1, .height = 1, .width = 3, .out_height = 1, .out_width = 3}});
  // Depthwise with more taps than are exact in 24 bits.
  all.push_back({{3, 1, 23, 23, 3},
                 {.batch = 1, .height = 24, .width = 25, .out_height = 2, .out_width = 3}});
  while (all.size() < 500) {
    CodeCase c;
    const int64_t kind = random.integer(0, 3);
    const bool depthwise = kind == 0;
    c.kernel.height = random.integer(1, 5);
    c.kernel.width =
        random.integer(0, 3) == 0 ? random.integer(1, 4) : random.integer(1, 2) * 2 + 1;
    c.kernel.group_channels = depthwise   ? 1
                              : kind == 1 ? 4 * random.integer(1, 9)
                                          : random.integer(1, 11);
    c.kernel.group = depthwise ? random.integer(2, 70) : kind == 3 ? random.integer(2, 5) : 1;
    c.kernel.out_channels =
        depthwise ? c.kernel.group : c.kernel.group * random.integer(1, 70 / c.kernel.group);
    ConvolutionPlace& p = c.place;
    p.batch = random.integer(1, 2);
    p.height = random.integer(1, 17);
    p.width = random.integer(1, 40);
    p.stride_h = random.integer(1, 2);
    p.stride_w = random.integer(1, 2);
    p.dilation_h = random.integer(1, 5) / 5 + 1;
    p.dilation_w = random.integer(1, 5) / 5 + 1;
    p.pad_top = random.integer(0, 2);
    p.pad_left = random.integer(0, 2);
    p.out_height =
        (p.height + 2 * p.pad_top - (c.kernel.height - 1) * p.dilation_h - 1) / p.stride_h + 1;
    p.out_width =
        (p.width + 2 * p.pad_left - (c.kernel.width - 1) * p.dilation_w - 1) / p.stride_w + 1;
    if (p.out_height > 0 && p.out_width > 0 && p.height + 2 * p.pad_top >= c.kernel.height &&
        p.width + 2 * p.pad_left >= c.kernel.width) {
      all.push_back(c);
    }
  }
  // Depthwise: pixels that share vectors, windows taller than a quad of rows, strides and dilations
  // that leave pixels out.
  while (all.size() < 900) {
    CodeCase c;
    c.kernel.height = random.integer(1, 9);
    c.kernel.width =
        random.integer(0, 1) == 0 ? random.integer(1, 7) : random.integer(1, 2) * 2 + 1;
    c.kernel.group_channels = 1;
    c.kernel.group =
        std::array{2, 3, 4, 8, 12, 16, 24, 40, 67, 72, 136, 200}[random.integer(0, 11)];
    c.kernel.out_channels = c.kernel.group;
    ConvolutionPlace& p = c.place;
    p.batch = random.integer(1, 3);
    p.height = random.integer(1, 14);
    p.width = random.integer(1, 60);
    p.stride_h = random.integer(1, 4);
    p.stride_w = random.integer(0, 2) == 0 ? random.integer(1, 4) : 1;
    p.dilation_h = random.integer(0, 4) == 0 ? random.integer(1, 4) : 1;
    p.dilation_w = random.integer(0, 4) == 0 ? random.integer(1, 4) : 1;
    p.pad_top = random.integer(0, 5);
    p.pad_left = random.integer(0, 3);
    const int64_t below = random.integer(0, 5), right = random.integer(0, 3);
    const int64_t room_h = p.height + p.pad_top + below - (c.kernel.height - 1) * p.dilation_h - 1;
    const int64_t room_w = p.width + p.pad_left + right - (c.kernel.width - 1) * p.dilation_w - 1;
    if (room_h < 0 || room_w < 0) continue;
    p.out_height = room_h / p.stride_h + 1;
    p.out_width = room_w / p.stride_w + 1;
    all.push_back(c);
  }
  return all;
}

// Codes that end where memory ends: nothing behind them can be read.
class LastCodes {
 public:
  explicit LastCodes(const std::vector<uint8_t>& codes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t used = (codes.size() + page - 1) / page * page;
    bytes_ = used + page;
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(memory_, MAP_FAILED);
    EXPECT_EQ(mprotect(memory_ + used, page, PROT_NONE), 0);
    data_ = memory_ + used - codes.size();
    std::copy(codes.begin(), codes.end(), data_);
  }
  ~LastCodes() { munmap(memory_, bytes_); }
  LastCodes(const LastCodes&) = delete;
  LastCodes& operator=(const LastCodes&) = delete;
  const uint8_t* data() const { return data_; }

 private:
  size_t bytes_;
  uint8_t* memory_;
  uint8_t* data_;
};

struct Operands {
  Operands(const CodeCase& c, bool extreme) {
    Random random(9);
    const auto& [k, p] = c;
    x.resize(p.batch * p.height * p.width * k.channels());
    w.resize(k.out_channels * k.depth());
    for (uint8_t& code : x)
      code = static_cast<uint8_t>(extreme ? 255 * random.integer(0, 1) : random.integer(0, 255));
    for (int8_t& code : w) code = static_cast<int8_t>(extreme ? -128 : random.integer(-128, 127));
    scales = random.reals(k.out_channels, 0.001f, 0.02f);
    bias = random.reals(k.out_channels);
    residual = random.reals(p.batch * p.out_height * p.out_width * k.out_channels);
  }
  std::vector<uint8_t> x;
  std::vector<int8_t> w;
  std::vector<float> scales, bias, residual;
};

// What a run is told besides: activations' limits and zero points.
struct Settings {
  float alpha = 0.2f, beta = 0.5f;
  CodeParameters x = {0.05f, 117}, y = {0.11f, 131};
};

struct Result {
  std::vector<float> floats;
  std::vector<uint8_t> codes;
  bool operator==(const Result&) const = default;
};

Result run(Isa isa, const CodeCase& c, const Operands& operands, dmt_activation activation,
           int residual, const Executor& executor = serial_executor(),
           const Settings& settings = {}) {
  const auto weight = pack_code_convolution(isa, c.kernel, operands.w.data(),
                                            operands.scales.data(), c.kernel.out_channels);
  ConvolutionEpilogue epilogue;
  epilogue.bias = operands.bias.data();
  epilogue.activation = activation;
  epilogue.alpha = settings.alpha;
  epilogue.beta = settings.beta;
  epilogue.scale = residual == 1 ? 1.25f : 1.0f;
  if (residual > 0) epilogue.residual = operands.residual.data();
  epilogue.residual_first = residual == 2;
  const int64_t pixels = c.place.batch * c.place.out_height * c.place.out_width;
  const int64_t channels = c.kernel.out_channels;
  Guarded<float> floats(pixels, channels, channels);
  Guarded<uint8_t> codes(pixels, channels, channels);
  epilogue.out = floats.data();
  const LastCodes x(operands.x);
  weight->run(x.data(), settings.x, c.place, epilogue, nullptr, {}, executor);
  weight->run(x.data(), settings.x, c.place, epilogue, codes.data(), settings.y, executor);
  EXPECT_TRUE(floats.intact() && codes.intact());
  return {{floats.data(), floats.data() + pixels * channels},
          {codes.data(), codes.data() + pixels * channels}};
}

class CodeConvolution : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, CodeConvolution, ::testing::ValuesIn(vector_levels()), level_name);

TEST_P(CodeConvolution, equalsTheScalarLevelToTheBit) {
  int number = 0;
  for (const CodeCase& c : cases()) {
    const Operands operands(c, number % 7 == 0);
    const dmt_activation activation =
        std::array{DMT_ACTIVATION_NONE, DMT_ACTIVATION_RELU, DMT_ACTIVATION_HARD_SWISH,
                   DMT_ACTIVATION_HARD_SIGMOID, DMT_ACTIVATION_LEAKY_RELU}[number % 5];
    const Result expected = run(Isa::scalar, c, operands, activation, number % 3);
    ASSERT_EQ(run(GetParam(), c, operands, activation, number % 3), expected) << "case " << number;
    ASSERT_EQ(run(GetParam(), c, operands, activation, number % 3, PoolExecutor(3)), expected)
        << "case " << number;
    ++number;
  }
}

// Limits of ReLU and Clip are folded into those of codes, and NaN is looked for only where it can
// be.
TEST_P(CodeConvolution, limitsAndValuesThatAreNotFinite) {
  const float infinity = __builtin_inff(), nan = __builtin_nanf("");
  const CodeCase dense{{21, 8},
                       {.batch = 1, .height = 3, .width = 7, .out_height = 3, .out_width = 7}};
  const CodeCase depthwise{{24, 1, 3, 3, 24},
                           {.batch = 1,
                            .height = 5,
                            .width = 9,
                            .out_height = 5,
                            .out_width = 9,
                            .pad_top = 1,
                            .pad_left = 1}};
  for (const CodeCase& c : {dense, depthwise}) {
    for (const float odd : {0.0f, 1e30f, -3e38f, infinity, nan}) {
      Operands operands(c, false);
      if (odd != 0) operands.bias[3] = odd;
      if (odd != 0) operands.scales[5] = odd;
      for (const int32_t zero_point : {0, 7, 255}) {
        for (const auto& [least, most] :
             {std::pair{-0.5f, 0.75f}, std::pair{0.5f, -0.5f}, std::pair{2.0f, 90.0f},
              std::pair{-90.0f, -2.0f}, std::pair{-infinity, infinity}, std::pair{nan, 1.0f},
              std::pair{0.0f, nan}}) {
          for (const dmt_activation activation :
               {DMT_ACTIVATION_CLIP, DMT_ACTIVATION_RELU, DMT_ACTIVATION_HARD_SWISH,
                DMT_ACTIVATION_LEAKY_RELU, DMT_ACTIVATION_NONE}) {
            if (activation == DMT_ACTIVATION_LEAKY_RELU && !std::isfinite(least)) continue;
            for (int residual = 0; residual < 3; ++residual) {
              const Settings settings{least, most, {0.05f, 255 - zero_point}, {0.05f, zero_point}};
              const auto codes = [&](Isa isa) {
                return run(isa, c, operands, activation, residual, serial_executor(), settings)
                    .codes;
              };
              ASSERT_EQ(codes(GetParam()), codes(Isa::scalar))
                  << "bias " << odd << " zero point " << zero_point << " limits " << least << " "
                  << most << " activation " << activation << " residual " << residual;
            }
          }
        }
      }
    }
  }
}

TEST(CodeConvolution, theScalarLevelIsTheFormula) {
  const CodeCase c{{3, 4, 3, 3},
                   {.batch = 1,
                    .height = 4,
                    .width = 5,
                    .out_height = 4,
                    .out_width = 5,
                    .pad_top = 1,
                    .pad_left = 1}};
  const Operands operands(c, false);
  const Result result = run(Isa::scalar, c, operands, DMT_ACTIVATION_RELU, 0);
  for (int64_t index = 0; index < 60; ++index) {
    const int64_t o = index % 3, v = index / 3 % 5, h = index / 15;
    double sum = 0;
    for (int64_t i = 0; i < 36; ++i) {
      const int64_t at_h = h + i / 3 % 3 - 1, at_v = v + i % 3 - 1;
      if (at_h < 0 || at_h >= 4 || at_v < 0 || at_v >= 5) continue;
      sum += 0.05 * (operands.x[(at_h * 5 + at_v) * 4 + i / 9] - 117) * operands.w[o * 36 + i] *
             operands.scales[o];
    }
    const double y = std::max(0.0, sum + operands.bias[o]);
    EXPECT_NEAR(result.floats[index], y, 1e-4 * (1 + y));
    EXPECT_NEAR(result.codes[index], std::min(255.0, std::round(y / 0.11) + 131), 1);
  }
}

}  // namespace
}  // namespace demitasse::testing
