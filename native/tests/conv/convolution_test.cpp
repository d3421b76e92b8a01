// Floating convolution against sums in double precision, for every level.
#include "conv/convolution.h"

#include <cmath>

#include "gemm/linear_cases.h"

namespace demitasse::testing {
namespace {

struct Case {
  ConvolutionKernel kernel;
  ConvolutionPlace place;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  const auto& [k, p] = c;
  return out << "out " << k.out_channels << " in " << k.group_channels << " x " << k.group
             << " kernel " << k.height << "x" << k.width << " first " << k.channels_first
             << " input " << p.batch << "x" << p.height << "x" << p.width << " output "
             << p.out_height << "x" << p.out_width << " stride " << p.stride_h << "," << p.stride_w
             << " pad " << p.pad_top << "," << p.pad_left << " dilation " << p.dilation_h << ","
             << p.dilation_w;
}

// A case whose output has the size that padding at the bottom and right, too, gives.
Case make(ConvolutionKernel kernel, ConvolutionPlace place, int64_t pad_bottom, int64_t pad_right) {
  place.out_height =
      (place.height + place.pad_top + pad_bottom - (kernel.height - 1) * place.dilation_h - 1) /
          place.stride_h +
      1;
  place.out_width =
      (place.width + place.pad_left + pad_right - (kernel.width - 1) * place.dilation_w - 1) /
          place.stride_w +
      1;
  return {kernel, place};
}

std::vector<Case> random_cases(bool depthwise, uint32_t seed, int count) {
  Random random(seed);
  std::vector<Case> cases;
  while (static_cast<int>(cases.size()) < count) {
    ConvolutionKernel kernel;
    kernel.height = random.integer(0, 2) * 2 + random.integer(1, 2);
    kernel.width = random.integer(0, 2) * 2 + random.integer(0, 3) / 3 + 1;
    if (depthwise) {
      kernel.group_channels = 1;
      kernel.group = kernel.out_channels = random.integer(2, 70);
    } else {
      kernel.group = random.integer(0, 3) == 0 ? random.integer(2, 3) : 1;
      kernel.group_channels = random.integer(1, 20);
      kernel.out_channels = kernel.group * random.integer(1, 70);
      kernel.channels_first = kernel.group == 1 && random.integer(0, 2) == 0;
    }
    ConvolutionPlace place;
    place.batch = random.integer(1, 3);
    place.height = random.integer(1, 19);
    place.width = random.integer(1, 40);
    place.stride_h = random.integer(1, 3);
    place.stride_w = random.integer(1, 3);
    place.dilation_h = random.integer(1, 4) / 3 + 1;
    place.dilation_w = random.integer(1, 4) / 3 + 1;
    place.pad_top = random.integer(0, 3);
    place.pad_left = random.integer(0, 3);
    const Case made = make(kernel, place, random.integer(0, 3), random.integer(0, 3));
    if (made.place.out_height > 0 && made.place.out_width > 0) cases.push_back(made);
  }
  return cases;
}

// Pointwise kernels of all widths, and the layers of the OCR models, cut to a few pixels.
std::vector<Case> known_cases() {
  std::vector<Case> cases;
  for (int64_t out = 1; out <= 100; ++out) {
    cases.push_back(make({out, 7}, {.batch = 2, .height = 3, .width = out % 11 + 1}, 0, 0));
  }
  cases.push_back(make({16, 3, 3, 3, 1, true},
                       {.batch = 2,
                        .height = 48,
                        .width = 31,
                        .stride_h = 2,
                        .stride_w = 2,
                        .pad_top = 1,
                        .pad_left = 1},
                       1, 1));
  cases.push_back(make({24, 96, 3, 3},
                       {.batch = 1, .height = 20, .width = 33, .pad_top = 1, .pad_left = 1}, 1, 1));
  cases.push_back(
      make({60, 480, 1, 3}, {.batch = 2, .height = 1, .width = 40, .pad_left = 1}, 0, 1));
  cases.push_back(make({360, 384}, {.batch = 1, .height = 10, .width = 10}, 0, 0));
  cases.push_back(
      make({8, 24}, {.batch = 3, .height = 9, .width = 9, .stride_h = 2, .stride_w = 2}, 0, 0));
  return cases;
}

struct Operands {
  explicit Operands(const Case& c)
      : x(Random(1).reals(c.place.batch * c.place.height * c.place.width * c.kernel.channels())),
        w(Random(2).reals(c.kernel.out_channels * c.kernel.depth())),
        bias(Random(3).reals(c.kernel.out_channels)),
        residual(Random(4).reals(c.place.batch * c.place.out_height * c.place.out_width *
                                 c.kernel.out_channels)) {}
  std::vector<float> x, w, bias, residual;
};

double activation(const ConvolutionEpilogue& epilogue, double y) {
  const auto clamp = [](double v, double low, double high) {
    return std::min(high, std::max(low, v));
  };
  switch (epilogue.activation) {
    case DMT_ACTIVATION_RELU:
      return std::max(0.0, y);
    case DMT_ACTIVATION_HARD_SWISH:
      return y * clamp(y / 6 + 0.5, 0, 1);
    case DMT_ACTIVATION_HARD_SIGMOID:
      return clamp(epilogue.alpha * y + epilogue.beta, 0, 1);
    case DMT_ACTIVATION_LEAKY_RELU:
      return y < 0 ? epilogue.alpha * y : y;
    case DMT_ACTIVATION_CLIP:
      return clamp(y, epilogue.alpha, epilogue.beta);
    case DMT_ACTIVATION_SIGMOID:
      return 1 / (1 + std::exp(-y));
    case DMT_ACTIVATION_SILU:
      return y / (1 + std::exp(-y));
    default:
      return y;
  }
}

double activated(const ConvolutionEpilogue& epilogue, double y) {
  return activation(epilogue, y) * epilogue.scale + epilogue.shift;
}

void check(const Case& c, const Operands& operands, const ConvolutionEpilogue& epilogue,
           const std::vector<float>& y) {
  const auto& [k, p] = c;
  const int64_t outs = k.out_channels / k.group;
  size_t index = 0;
  for (int64_t n = 0; n < p.batch; ++n) {
    for (int64_t oh = 0; oh < p.out_height; ++oh) {
      for (int64_t ow = 0; ow < p.out_width; ++ow) {
        for (int64_t o = 0; o < k.out_channels; ++o, ++index) {
          double sum = epilogue.bias ? epilogue.bias[o] : 0, magnitude = std::abs(sum);
          for (int64_t i = 0; i < k.height; ++i) {
            for (int64_t j = 0; j < k.width; ++j) {
              const int64_t h = oh * p.stride_h - p.pad_top + i * p.dilation_h;
              const int64_t v = ow * p.stride_w - p.pad_left + j * p.dilation_w;
              if (h < 0 || h >= p.height || v < 0 || v >= p.width) continue;
              for (int64_t gc = 0; gc < k.group_channels; ++gc) {
                const int64_t channel = o / outs * k.group_channels + gc;
                const int64_t at =
                    k.channels_first ? ((n * k.channels() + channel) * p.height + h) * p.width + v
                                     : ((n * p.height + h) * p.width + v) * k.channels() + channel;
                const double term =
                    double{operands.x[at]} *
                    operands.w[((o * k.group_channels + gc) * k.height + i) * k.width + j];
                sum += term;
                magnitude += std::abs(term);
              }
            }
          }
          const double added = epilogue.residual ? epilogue.residual[index] : 0;
          const double expected = epilogue.residual_first ? activated(epilogue, sum + added)
                                                          : activated(epilogue, sum) + added;
          const double bound = (magnitude + std::abs(added) + 1) *
                               (static_cast<double>(k.depth()) + 16) * 0x1p-24 * 2;
          ASSERT_NEAR(y[index], expected, bound) << c << " at " << index;
        }
      }
    }
  }
}

std::vector<float> run(const Case& c, const ConvolutionWeight& weight, const Operands& operands,
                       ConvolutionEpilogue epilogue, const Executor& executor = serial_executor()) {
  const int64_t pixels = c.place.batch * c.place.out_height * c.place.out_width;
  Guarded<float> out(pixels, c.kernel.out_channels, c.kernel.out_channels);
  epilogue.out = out.data();
  weight.run(operands.x.data(), c.place, epilogue, executor);
  EXPECT_TRUE(out.intact()) << c;
  return {out.data(), out.data() + pixels * c.kernel.out_channels};
}

std::vector<Case> all_cases() {
  std::vector<Case> cases = known_cases();
  for (const bool depthwise : {false, true}) {
    for (const Case& c : random_cases(depthwise, 7 + depthwise, 150)) cases.push_back(c);
  }
  return cases;
}

class Convolution : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, Convolution, ::testing::ValuesIn(levels()), level_name);

TEST_P(Convolution, sumsAreWithinTheBound) {
  for (const Case& c : all_cases()) {
    const Operands operands(c);
    const auto weight = pack_float_convolution(GetParam(), c.kernel, operands.w.data());
    const ConvolutionEpilogue plain;
    check(c, operands, plain, run(c, *weight, operands, plain));
    if (HasFatalFailure()) return;
  }
}

TEST_P(Convolution, epiloguesAreApplied) {
  const std::vector<Case> cases = {random_cases(false, 3, 1)[0], random_cases(true, 4, 1)[0],
                                   known_cases()[59], known_cases().back()};
  for (const Case& c : cases) {
    const Operands operands(c);
    const auto weight = pack_float_convolution(GetParam(), c.kernel, operands.w.data());
    for (const dmt_activation activation :
         {DMT_ACTIVATION_NONE, DMT_ACTIVATION_RELU, DMT_ACTIVATION_HARD_SWISH,
          DMT_ACTIVATION_HARD_SIGMOID, DMT_ACTIVATION_CLIP, DMT_ACTIVATION_LEAKY_RELU,
          DMT_ACTIVATION_SIGMOID, DMT_ACTIVATION_SILU}) {
      for (const int residual : {0, 1, 2}) {
        ConvolutionEpilogue epilogue;
        epilogue.bias = operands.bias.data();
        epilogue.activation = activation;
        epilogue.alpha = activation == DMT_ACTIVATION_CLIP ? -0.25f : 0.2f;
        epilogue.beta = 0.5f;
        if (residual > 0) epilogue.residual = operands.residual.data();
        epilogue.residual_first = residual == 2;
        if (residual == 1) {
          epilogue.scale = 1.5f;
          epilogue.shift = -0.25f;
        }
        SCOPED_TRACE(::testing::Message()
                     << "activation " << activation << " residual " << residual);
        check(c, operands, epilogue, run(c, *weight, operands, epilogue));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(Convolution, resultsDoNotDependOnThreads) {
  for (const Case& c :
       {make({40, 24, 3, 3}, {.batch = 3, .height = 31, .width = 37, .pad_top = 1, .pad_left = 1},
             1, 1),
        make({96, 100}, {.batch = 1, .height = 40, .width = 30}, 0, 0),
        make({240, 1, 5, 5, 240},
             {.batch = 2, .height = 24, .width = 31, .pad_top = 2, .pad_left = 2}, 2, 2)}) {
    const Operands operands(c);
    const auto weight = pack_float_convolution(GetParam(), c.kernel, operands.w.data());
    ConvolutionEpilogue epilogue;
    epilogue.bias = operands.bias.data();
    epilogue.activation = DMT_ACTIVATION_SILU;
    epilogue.residual = operands.residual.data();
    const std::vector<float> alone = run(c, *weight, operands, epilogue);
    for (const int threads : {2, 3}) {
      EXPECT_EQ(run(c, *weight, operands, epilogue, PoolExecutor(threads)), alone) << c;
    }
  }
}

TEST_P(Convolution, absurdDilationsCopyNothing) {
  const Case c{{5, 3, 2, 2},
               {.batch = 1,
                .height = 4,
                .width = 4,
                .out_height = 4,
                .out_width = 4,
                .dilation_h = int64_t{1} << 30,
                .dilation_w = int64_t{1} << 30}};
  const Operands operands(c);
  const auto weight = pack_float_convolution(GetParam(), c.kernel, operands.w.data());
  check(c, operands, {}, run(c, *weight, operands, {}));
}

TEST_P(Convolution, nanStaysWhereItIs) {
  const Case c =
      make({20, 4, 3, 3}, {.batch = 1, .height = 9, .width = 9, .pad_top = 1, .pad_left = 1}, 1, 1);
  Operands operands(c);
  operands.x[(4 * 9 + 4) * 4] = std::nanf("");
  ConvolutionEpilogue epilogue;
  epilogue.activation = DMT_ACTIVATION_HARD_SWISH;
  const auto weight = pack_float_convolution(GetParam(), c.kernel, operands.w.data());
  const std::vector<float> y = run(c, *weight, operands, epilogue);
  for (int64_t pixel = 0; pixel < 81; ++pixel) {
    const bool near = std::abs(pixel / 9 - 4) <= 1 && std::abs(pixel % 9 - 4) <= 1;
    EXPECT_EQ(std::isnan(y[pixel * 20 + 3]), near) << pixel;
  }
}

TEST_P(Convolution, nothingIsComputedForEmptyTensors) {
  const Case c{{8, 3, 3, 3},
               {.batch = 0, .height = 8, .width = 8, .out_height = 6, .out_width = 6}};
  const Operands operands(c);
  const auto weight = pack_float_convolution(GetParam(), c.kernel, operands.w.data());
  EXPECT_TRUE(run(c, *weight, operands, {}).empty());
}

}  // namespace
}  // namespace demitasse::testing
