// Convolution of codes against that of floats, on one thread: images, odd channels, groups,
// depthwise.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "conv/code_convolution.h"
#include "conv/convolution.h"

namespace demitasse {
namespace {

struct ConvolutionCase {
  const char* name;
  int64_t batch, channels, out_channels, kernel, group, size, stride, padding;
  int64_t block = 1;
};

constexpr ConvolutionCase kCases[] = {
    {"lenet1", 64, 1, 6, 5, 1, 28, 1, 0},
    {"lenet2", 64, 6, 16, 5, 1, 12, 1, 0},
    {"image/3x3", 1, 3, 32, 3, 1, 224, 2, 1},
    {"image/7x7", 1, 3, 64, 7, 1, 224, 2, 3},
    {"gray/3x3", 1, 1, 32, 3, 1, 64, 1, 1},
    {"pointwise/18", 1, 18, 108, 1, 1, 28, 1, 0},
    {"pointwise/2", 1, 2, 32, 1, 1, 56, 1, 0},
    {"groups_of_4/3x3", 1, 128, 128, 3, 32, 56, 1, 1},
    {"groups_of_80/1x1", 1, 240, 240, 1, 3, 28, 1, 0},
    {"groups_of_2/3x3", 1, 64, 64, 3, 32, 28, 1, 1},
    {"groups_of_1_to_2/3x3", 1, 32, 64, 3, 32, 56, 1, 1},
    {"depthwise/8/3x3", 1, 8, 8, 3, 8, 48, 1, 1},
    {"depthwise/24/3x3", 1, 24, 24, 3, 24, 48, 1, 1},
    {"depthwise/72/3x3", 1, 72, 72, 3, 72, 56, 2, 1},
    {"depthwise/88/5x5", 1, 88, 88, 5, 88, 28, 1, 2},
    {"depthwise/200/5x5", 1, 200, 200, 5, 200, 14, 1, 2},
    {"aligned/3x3", 1, 64, 64, 3, 1, 28, 1, 1},
    {"pointwise/96", 1, 96, 96, 1, 1, 160, 1, 0},
    {"pointwise/96/block2", 1, 96, 96, 1, 1, 160, 1, 0, 2},
};

enum class Form { floats, codes_to_floats, codes };

void convolution(benchmark::State& state, Isa isa, const ConvolutionCase& c, Form form) {
  if (isa > best_isa()) {
    state.SkipWithError("this CPU lacks the instructions");
    return;
  }
  ConvolutionKernel kernel;
  kernel.out_channels = c.out_channels;
  kernel.group_channels = c.channels / c.group;
  kernel.height = kernel.width = c.kernel;
  kernel.group = c.group;
  kernel.block = c.block;
  ConvolutionPlace place;
  place.batch = c.batch;
  place.height = place.width = c.size;
  place.stride_h = place.stride_w = c.stride;
  place.pad_top = place.pad_left = c.padding;
  place.out_height = place.out_width = (c.size + 2 * c.padding - c.kernel) / c.stride + 1;
  const auto inputs = static_cast<size_t>(c.batch * c.channels * c.size * c.size);
  const auto outputs =
      static_cast<size_t>(c.batch * c.out_channels * place.out_height * place.out_width);
  const auto weights = static_cast<size_t>(c.out_channels * kernel.depth());
  const std::vector<float> bias(c.out_channels, 0.1f), scales(c.out_channels, 0.01f);
  std::vector<float> y(outputs);
  ConvolutionEpilogue epilogue;
  epilogue.bias = bias.data();
  epilogue.activation = DMT_ACTIVATION_RELU;
  epilogue.out = y.data();
  if (form == Form::floats) {
    const std::vector<float> x(inputs, 0.5f), w(weights, 0.1f);
    kernel.channels_first = c.group == 1 && c.channels <= 4;  // as images come
    const auto packed = pack_float_convolution(isa, kernel, w.data());
    for (auto _ : state) packed->run(x.data(), place, epilogue, serial_executor());
  } else {
    const std::vector<uint8_t> x(inputs, 77);
    const std::vector<int8_t> w(weights, 3);
    std::vector<uint8_t> codes(outputs);
    const auto packed = pack_code_convolution(isa, kernel, w.data(), scales.data(), c.out_channels);
    for (auto _ : state) {
      packed->run(x.data(), {0.05f, 117}, place, epilogue,
                  form == Form::codes ? codes.data() : nullptr, {0.11f, 13}, serial_executor());
    }
  }
  const int64_t work = static_cast<int64_t>(outputs) * kernel.depth();
  state.counters["multiply_adds"] = benchmark::Counter(
      static_cast<double>(work * state.iterations()), benchmark::Counter::kIsRate);
}

const bool registered = [] {
  for (const auto& [isa, level] :
       {std::pair{Isa::avx2, "avx2"}, std::pair{Isa::avx512, "avx512"}}) {
    for (const ConvolutionCase& c : kCases) {
      for (const auto& [form, name] :
           {std::pair{Form::floats, "floats"}, std::pair{Form::codes_to_floats, "codes_to_floats"},
            std::pair{Form::codes, "codes"}}) {
        benchmark::RegisterBenchmark(
            (std::string("convolution/") + level + "/" + c.name + "/" + name).c_str(),
            [isa = isa, c, form = form](benchmark::State& state) {
              convolution(state, isa, c, form);
            });
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace demitasse
