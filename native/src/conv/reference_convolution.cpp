#include "conv/reference_convolution.h"

#include <algorithm>
#include <cmath>

#include "norm/rows.h"

namespace demitasse {

float reference_epilogue(const ConvolutionEpilogue& epilogue, float sum, int64_t channel,
                         int64_t index) {
  float y = epilogue.bias != nullptr ? sum + epilogue.bias[channel] : sum;
  if (epilogue.residual != nullptr && epilogue.residual_first) y += epilogue.residual[index];
  switch (epilogue.activation) {
    case DMT_ACTIVATION_HARD_SWISH: {
      const float gate = std::fma(y, 1.0f / 6, 0.5f);
      y *= gate < 0 ? 0 : gate > 1 ? 1 : gate;
      break;
    }
    case DMT_ACTIVATION_HARD_SIGMOID:
      y = std::fma(epilogue.alpha, y, epilogue.beta);
      y = y < 0 ? 0 : y > 1 ? 1 : y;
      break;
    case DMT_ACTIVATION_LEAKY_RELU:
      if (y < 0) y *= epilogue.alpha;
      break;
    case DMT_ACTIVATION_CLIP:
      y = y < epilogue.alpha ? epilogue.alpha : y;
      y = y > epilogue.beta ? epilogue.beta : y;
      break;
    default:
      activate(Isa::scalar, epilogue.activation, &y, &y, 1);
  }
  y = std::fma(y, epilogue.scale, epilogue.shift);
  if (epilogue.residual != nullptr && !epilogue.residual_first) y += epilogue.residual[index];
  return y;
}

int64_t result_index(const ConvolutionKernel& kernel, const ConvolutionPlace& place, int64_t line,
                     int64_t pixel, int64_t channel) {
  const int64_t block = kernel.block, channels = kernel.band() / block;
  const int64_t i = channel / channels / block, j = channel / channels % block;
  const int64_t row = line * block + i, column = pixel * block + j;
  return (row * place.out_width * block + column) * channels + channel % channels;
}

void reference_convolution(const ConvolutionKernel& kernel, const float* weight, const float* x,
                           const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
                           const Executor& executor) {
  const int64_t channels = kernel.channels();
  const int64_t outs = kernel.out_channels / kernel.group;
  const auto input = [&](int64_t n, int64_t c, int64_t h, int64_t w) {
    return kernel.channels_first ? x[((n * channels + c) * place.height + h) * place.width + w]
                                 : x[((n * place.height + h) * place.width + w) * channels + c];
  };
  const auto one = [&](int64_t n, int64_t oh, int64_t ow, int64_t o) {
    float sum = 0;
    const float* w = weight + o * kernel.depth();
    for (int64_t c = 0; c < kernel.group_channels; ++c) {
      for (int64_t i = 0; i < kernel.height; ++i) {
        const int64_t h = oh * place.stride_h - place.pad_top + i * place.dilation_h;
        for (int64_t j = 0; j < kernel.width; ++j, ++w) {
          const int64_t v = ow * place.stride_w - place.pad_left + j * place.dilation_w;
          if (h < 0 || h >= place.height || v < 0 || v >= place.width) continue;
          sum += input(n, o / outs * kernel.group_channels + c, h, v) * *w;
        }
      }
    }
    return sum;
  };
  executor.parallel_for(place.batch * place.out_height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      for (int64_t ow = 0; ow < place.out_width; ++ow) {
        for (int64_t o = 0; o < kernel.out_channels; ++o) {
          const float sum = one(line / place.out_height, line % place.out_height, ow, o);
          const int64_t index = result_index(kernel, place, line, ow, o);
          epilogue.out[index] = reference_epilogue(epilogue, sum, o, index);
        }
      }
    }
  });
}

}  // namespace demitasse
