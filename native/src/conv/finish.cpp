#include "conv/finish.h"

#include <algorithm>

#include "norm/rows.h"

namespace demitasse {
namespace {

Clamp clamp_of(const ConvolutionEpilogue& epilogue) {
  constexpr float kInfinity = __builtin_inff();
  Clamp clamp{.used = true, .least = -kInfinity, .most = kInfinity};
  clamp.scale = epilogue.scale;
  clamp.shift = epilogue.shift;
  switch (epilogue.activation) {
    case DMT_ACTIVATION_RELU:
      clamp.least = 0;
      break;
    case DMT_ACTIVATION_HARD_SWISH:
      clamp.gated = true;
      clamp.a = 1.0f / 6;
      clamp.b = 0.5f;
      clamp.least = 0;
      clamp.most = 1;
      break;
    case DMT_ACTIVATION_HARD_SIGMOID:
      clamp.a = epilogue.alpha;
      clamp.b = epilogue.beta;
      clamp.least = 0;
      clamp.most = 1;
      break;
    case DMT_ACTIVATION_CLIP:
      clamp.least = epilogue.alpha;
      clamp.most = epilogue.beta;
      break;
    case DMT_ACTIVATION_LEAKY_RELU:
      clamp.leaky = true;
      clamp.a = epilogue.alpha;
      break;
    case DMT_ACTIVATION_NONE:
      clamp.used = epilogue.scale != 1 || epilogue.shift != 0;
      break;
    default:
      // The identity; scale and shift follow the activation.
      clamp.used = false;
      clamp.scale = 1;
      clamp.shift = 0;
  }
  return clamp;
}

}  // namespace

bool is_applied_by_kernels(dmt_activation activation) {
  switch (activation) {
    case DMT_ACTIVATION_NONE:
    case DMT_ACTIVATION_RELU:
    case DMT_ACTIVATION_HARD_SWISH:
    case DMT_ACTIVATION_HARD_SIGMOID:
    case DMT_ACTIVATION_LEAKY_RELU:
    case DMT_ACTIVATION_CLIP:
      return true;
    default:
      return false;
  }
}

PaddedBias::PaddedBias(const float* bias, int64_t channels, int64_t times)
    : values_(channels * times + 16) {
  std::fill_n(values_.data(), channels * times + 16, 0.0f);
  if (bias == nullptr) return;
  for (int64_t i = 0; i < times; ++i) std::copy_n(bias, channels, values_.data() + i * channels);
}

Finish::Finish(Isa isa, const ConvolutionEpilogue& epilogue, int64_t band, const float* bias)
    : isa_(isa),
      epilogue_(epilogue),
      band_(band),
      bias_(bias),
      clamp_(clamp_of(epilogue)),
      later_(!is_applied_by_kernels(epilogue.activation)) {}

TileEpilogue Finish::tile(int64_t pixel, int64_t channel) const {
  const int64_t place = at(pixel, channel);
  TileEpilogue tile;
  tile.bias = bias_ + channel;
  tile.clamp = clamp_;
  const bool in_kernel = !later_ || epilogue_.residual_first;
  if (epilogue_.residual != nullptr && in_kernel) tile.residual = epilogue_.residual + place;
  tile.residual_first = epilogue_.residual_first;
  tile.out = epilogue_.out + place;
  tile.stride = band_;
  return tile;
}

void Finish::rest(int64_t pixel, int64_t pixels) const {
  if (!later_) return;
  float* out = epilogue_.out + pixel * band_;
  const int64_t count = pixels * band_;
  activate(isa_, epilogue_.activation, out, out, count);
  if (epilogue_.scale != 1 || epilogue_.shift != 0) {
    for (int64_t i = 0; i < count; ++i) out[i] = out[i] * epilogue_.scale + epilogue_.shift;
  }
  if (epilogue_.residual == nullptr || epilogue_.residual_first) return;
  const float* residual = epilogue_.residual + pixel * band_;
  for (int64_t i = 0; i < count; ++i) out[i] += residual[i];
}

}  // namespace demitasse
