// Operators by name on channels-last tensors, where the general ones would be slow.
#include <algorithm>
#include <cmath>

#include "conv/finish.h"
#include "norm/row_kernels.h"
#include "ops/arguments.h"
#include "ops/registry.h"

namespace demitasse {
namespace {

// x [N, .., C] to [N, 1 .., C], or [N, C]: the mean over all positions.
void global_average_pool(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, y, DMT_F32);
  if (x.rank < 3 || y.rank < 2 || y.dims[0] != x.dims[0] ||
      y.dims[y.rank - 1] != x.dims[x.rank - 1] || y.elements() != x.dims[0] * x.dims[x.rank - 1]) {
    reject(call, "%s to %s", describe(x).c_str(), describe(y).c_str());
  }
  const int64_t channels = x.dims[x.rank - 1];
  const int64_t positions = product(x, 1, x.rank - 1);
  constexpr int64_t kChannels = 64;
  const int64_t blocks = (channels + kChannels - 1) / kChannels;
  const Isa isa = active_isa();
  const int64_t grain = positions == 0 ? y.elements() : 1 + kElementGrain / (kChannels * positions);
  call.executor.parallel_for(x.dims[0] * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t image = block / blocks, first = block % blocks * kChannels;
      const int64_t count = std::min(kChannels, channels - first);
      const float* from = x.as<float>() + image * positions * channels + first;
      float* to = y.as<float>() + image * channels + first;
      if (isa != Isa::scalar) {
        convolution_kernels(isa).mean(from, positions, channels, count, to);
        continue;
      }
      for (int64_t c = 0; c < count; ++c) {
        double sum = 0;
        for (int64_t p = 0; p < positions; ++p) sum += from[p * channels + c];
        to[c] = static_cast<float>(sum / static_cast<double>(positions));
      }
    }
  });
}

// floats: scale; integers: zero point. f32 to u8 codes of the same shape.
void quantize(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 1, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_dtype(call, x, DMT_F32);
  require_dtype(call, y, DMT_U8);
  require_same_shape(call, x, y);
  const auto scale = static_cast<float>(call.floats[0]);
  const int64_t zero_point = call.integers[0];
  if (!(scale > 0) || !std::isfinite(scale) || zero_point < 0 || zero_point > 255) {
    reject(call, "scale %g and zero point %lld", call.floats[0],
           static_cast<long long>(zero_point));
  }
  const RowKernels& kernels = row_kernels(active_isa());
  call.executor.parallel_for(x.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
    kernels.codes(x.as<float>() + begin, end - begin, scale, static_cast<int32_t>(zero_point),
                  y.as<uint8_t>() + begin);
  });
}

constexpr OperatorEntry kOperators[] = {
    {"ChannelsLast.Quantize", quantize},
    {"ChannelsLast.GlobalAveragePool", global_average_pool},
};

}  // namespace

std::span<const OperatorEntry> channels_last_operators() { return kOperators; }

}  // namespace demitasse
