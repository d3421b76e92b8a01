#include "conv/convolution.h"

#include "program/builder.h"
#include "program/weight.h"

namespace demitasse {
namespace {

class Convolution final : public Operation {
 public:
  std::shared_ptr<const PackedWeight> packed;
  ConvolutionPlace place;
  std::vector<float> bias;
  ConvolutionEpilogue epilogue;  // without addresses
  int32_t x = -1, residual = -1, y = -1;

  void run(const Frame& frame) const override {
    ConvolutionEpilogue bound = epilogue;
    bound.bias = bias.empty() ? nullptr : bias.data();
    bound.residual = frame.f32(residual);
    bound.out = frame.f32(y);
    packed->convolution->run(frame.f32(x), place, bound, frame.executor());
  }
};

// Keeps sums and products of positions within 64 bits.
constexpr int64_t kLargestStep = int64_t{1} << 31;

void check_geometry(const StepBuilder& step, const int64_t* geometry) {
  static constexpr const char* kNames[] = {"stride_h", "stride_w",   "pad_top",
                                           "pad_left", "dilation_h", "dilation_w"};
  if (geometry == nullptr) step.reject("geometry is NULL");
  for (int i = 0; i < 6; ++i) {
    const int64_t least = i == 2 || i == 3 ? 0 : 1;
    if (geometry[i] < least || geometry[i] > kLargestStep) {
      step.reject("%s is %lld, outside %lld .. 2^31", kNames[i], ll(geometry[i]), ll(least));
    }
  }
}

void check_reach(const StepBuilder& step, const char* axis, int64_t out, int64_t stride,
                 int64_t kernel, int64_t dilation) {
  int64_t steps = 0, taps = 0;
  if (__builtin_mul_overflow(out, stride, &steps) ||
      __builtin_mul_overflow(kernel, dilation, &taps) || steps > kLargestStep ||
      taps > kLargestStep) {
    step.reject("output %s %lld with stride %lld and kernel %lld with dilation %lld reach too far",
                axis, ll(out), ll(stride), ll(kernel), ll(dilation));
  }
}

void check_transposed(const StepBuilder& step, const ConvolutionKernel& kernel,
                      const ConvolutionPlace& place) {
  int64_t height = 0, width = 0;
  if (place.stride_h != kernel.height || place.stride_w != kernel.width || place.pad_top != 0 ||
      place.pad_left != 0 || __builtin_mul_overflow(place.height, kernel.height, &height) ||
      __builtin_mul_overflow(place.width, kernel.width, &width) || height != place.out_height ||
      width != place.out_width) {
    step.reject(
        "a transposed kernel [%lld x %lld] has its size as stride, no padding, and y as many"
        " times larger",
        ll(kernel.height), ll(kernel.width));
  }
}

void check_image(const StepBuilder& step, const Value& value, const char* argument) {
  step.check_f32(value, argument);
  if (value.rows != DMT_ROWS_STATIC || value.rank != 4) {
    step.reject("%s is %s, a static value of 4 dimensions is needed", argument,
                value.describe().c_str());
  }
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_convolution(dmt_program* program, int32_t x, const dmt_weight* weight,
                                const int64_t* geometry, const float* bias, int32_t activation,
                                const float* parameters, int32_t residual, int32_t residual_first,
                                int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "convolution");
    auto convolution = std::make_unique<Convolution>();
    convolution->packed = weights().get(weight);
    if (convolution->packed->convolution == nullptr) {
      step.reject("the weight is not that of a convolution");
    }
    const ConvolutionKernel& kernel = convolution->packed->convolution->kernel();
    check_geometry(step, geometry);
    if (activation < DMT_ACTIVATION_NONE || activation > DMT_ACTIVATION_CLIP ||
        activation == DMT_ACTIVATION_LEAKY_RELU) {
      step.reject("unknown activation %d", activation);
    }
    if (parameters == nullptr) step.reject("parameters is NULL");
    step.check_flag(residual_first, "residual_first");

    const Value& in = step.reads(x, "x");
    check_image(step, in, "x");
    ConvolutionPlace& place = convolution->place;
    place.batch = in.dims[0];
    place.height = in.dims[kernel.channels_first ? 2 : 1];
    place.width = in.dims[kernel.channels_first ? 3 : 2];
    if (in.dims[kernel.channels_first ? 1 : 3] != kernel.channels()) {
      step.reject("x is %s, it must have %lld channels", in.describe().c_str(),
                  ll(kernel.channels()));
    }
    const Value& out = step.writes(y, "y");
    check_image(step, out, "y");
    if (out.dims[0] != place.batch || out.dims[3] != kernel.out_channels) {
      step.reject("x is %s and y is %s: y must have as many images and %lld channels",
                  in.describe().c_str(), out.describe().c_str(), ll(kernel.out_channels));
    }
    if (residual != -1) {
      const Value& added = step.reads(residual, "residual");
      check_image(step, added, "residual");
      if (!std::equal(added.dims, added.dims + 4, out.dims)) {
        step.reject("residual is %s and y is %s", added.describe().c_str(), out.describe().c_str());
      }
    }
    place.out_height = out.dims[1];
    place.out_width = out.dims[2];
    place.stride_h = geometry[0];
    place.stride_w = geometry[1];
    place.pad_top = geometry[2];
    place.pad_left = geometry[3];
    place.dilation_h = geometry[4];
    place.dilation_w = geometry[5];
    check_reach(step, "height", place.out_height, place.stride_h, kernel.height, place.dilation_h);
    check_reach(step, "width", place.out_width, place.stride_w, kernel.width, place.dilation_w);
    if (kernel.transposed) check_transposed(step, kernel, place);
    if (bias != nullptr) convolution->bias.assign(bias, bias + kernel.out_channels);
    convolution->epilogue.activation = static_cast<dmt_activation>(activation);
    convolution->epilogue.alpha = parameters[0];
    convolution->epilogue.beta = parameters[1];
    convolution->epilogue.scale = parameters[2];
    convolution->epilogue.shift = parameters[3];
    convolution->epilogue.residual_first = residual_first == 1;
    convolution->x = x;
    convolution->residual = residual;
    convolution->y = y;
    step.add(std::move(convolution));
  });
}
