#include "conv/convolution.h"

#include <algorithm>
#include <cmath>

#include "conv/finish.h"
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

class CodeConvolution final : public Operation {
 public:
  std::shared_ptr<const PackedWeight> packed;
  ConvolutionPlace place;
  std::vector<float> bias;
  ConvolutionEpilogue epilogue;  // without addresses
  int32_t x = -1, residual = -1, y = -1;
  CodeParameters x_parameters, y_parameters;
  bool to_codes = false;

  void run(const Frame& frame) const override {
    ConvolutionEpilogue bound = epilogue;
    bound.bias = bias.empty() ? nullptr : bias.data();
    bound.residual = frame.f32(residual);
    if (!to_codes) bound.out = frame.f32(y);
    packed->code_convolution->run(frame.tensor(x).as<uint8_t>(), x_parameters, place, bound,
                                  to_codes ? frame.tensor(y).as<uint8_t>() : nullptr, y_parameters,
                                  frame.executor());
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

void check_image(const StepBuilder& step, const Value& value, int32_t dtype, const char* argument) {
  if (value.quantized || value.dtype != dtype) {
    step.reject("%s is %s, %s is needed", argument, value.describe().c_str(), dtype_name(dtype));
  }
  if (value.rows != DMT_ROWS_STATIC || value.rank != 4) {
    step.reject("%s is %s, a static value of 4 dimensions is needed", argument,
                value.describe().c_str());
  }
}

struct Given {
  int32_t x, residual, y;
  const int64_t* geometry;
  const float* bias;
  int32_t activation;
  const float* parameters;
  int32_t residual_first;
  int32_t x_dtype, y_dtype;
};

// Checks what both kinds of convolution take and puts it into the operation.
template <class Made>
void prepare(StepBuilder& step, const ConvolutionKernel& kernel, const Given& given, Made& made) {
  check_geometry(step, given.geometry);
  if (given.activation < DMT_ACTIVATION_NONE || given.activation > DMT_ACTIVATION_CLIP) {
    step.reject("unknown activation %d", given.activation);
  }
  if (given.parameters == nullptr) step.reject("parameters is NULL");
  if (given.activation == DMT_ACTIVATION_LEAKY_RELU && !std::isfinite(given.parameters[0])) {
    step.reject("leaky ReLU has slope %g", static_cast<double>(given.parameters[0]));
  }
  step.check_flag(given.residual_first, "residual_first");
  const Value& in = step.reads(given.x, "x");
  check_image(step, in, given.x_dtype, "x");
  ConvolutionPlace& place = made.place;
  place.batch = in.dims[0];
  place.height = in.dims[kernel.channels_first ? 2 : 1];
  place.width = in.dims[kernel.channels_first ? 3 : 2];
  if (in.dims[kernel.channels_first ? 1 : 3] != kernel.channels()) {
    step.reject("x is %s, it must have %lld channels", in.describe().c_str(),
                ll(kernel.channels()));
  }
  const Value& out = step.writes(given.y, "y");
  check_image(step, out, given.y_dtype, "y");
  const int64_t block = kernel.block, channels = kernel.band() / block;
  if (out.dims[0] != place.batch || out.dims[3] != channels) {
    step.reject("x is %s and y is %s: y must have as many images and %lld channels",
                in.describe().c_str(), out.describe().c_str(), ll(channels));
  }
  if (out.dims[1] % block != 0 || out.dims[2] % block != 0) {
    step.reject("y is %s, its height and width must be multiples of the weight's block of %lld",
                out.describe().c_str(), ll(block));
  }
  if (given.residual != -1) {
    const Value& added = step.reads(given.residual, "residual");
    check_image(step, added, DMT_F32, "residual");
    if (!std::equal(added.dims, added.dims + 4, out.dims)) {
      step.reject("residual is %s and y is %s", added.describe().c_str(), out.describe().c_str());
    }
  }
  place.out_height = out.dims[1] / block;
  place.out_width = out.dims[2] / block;
  place.stride_h = given.geometry[0];
  place.stride_w = given.geometry[1];
  place.pad_top = given.geometry[2];
  place.pad_left = given.geometry[3];
  place.dilation_h = given.geometry[4];
  place.dilation_w = given.geometry[5];
  check_reach(step, "height", place.out_height, place.stride_h, kernel.height, place.dilation_h);
  check_reach(step, "width", place.out_width, place.stride_w, kernel.width, place.dilation_w);
  if (given.bias != nullptr) made.bias.assign(given.bias, given.bias + kernel.out_channels);
  made.epilogue.activation = static_cast<dmt_activation>(given.activation);
  made.epilogue.alpha = given.parameters[0];
  made.epilogue.beta = given.parameters[1];
  made.epilogue.scale = given.parameters[2];
  made.epilogue.shift = given.parameters[3];
  made.epilogue.residual_first = given.residual_first == 1;
  made.x = given.x;
  made.residual = given.residual;
  made.y = given.y;
}

CodeParameters checked(const StepBuilder& step, const char* argument, float scale,
                       int32_t zero_point) {
  if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(1 / scale) || zero_point < 0 ||
      zero_point > 255) {
    step.reject("%s has scale %g and zero point %d", argument, static_cast<double>(scale),
                zero_point);
  }
  return {scale, zero_point};
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
      step.reject("the weight is not that of a convolution of floats");
    }
    prepare(
        step, convolution->packed->convolution->kernel(),
        {x, residual, y, geometry, bias, activation, parameters, residual_first, DMT_F32, DMT_F32},
        *convolution);
    step.add(std::move(convolution));
  });
}

int32_t dmt_program_code_convolution(dmt_program* program, int32_t x, float x_scale,
                                     int32_t x_zero_point, const dmt_weight* weight,
                                     const int64_t* geometry, const float* bias, int32_t activation,
                                     const float* parameters, int32_t residual,
                                     int32_t residual_first, int32_t y, float y_scale,
                                     int32_t y_zero_point) {
  return guarded([&] {
    StepBuilder step(program, "convolution of codes");
    auto convolution = std::make_unique<CodeConvolution>();
    convolution->packed = weights().get(weight);
    if (convolution->packed->code_convolution == nullptr) {
      step.reject("the weight is not that of a convolution of codes");
    }
    const Value& out = step.program().value(y);
    convolution->to_codes = out.dtype == DMT_U8;
    prepare(step, convolution->packed->code_convolution->kernel(),
            {x, residual, y, geometry, bias, activation, parameters, residual_first, DMT_U8,
             convolution->to_codes ? DMT_U8 : DMT_F32},
            *convolution);
    convolution->x_parameters = checked(step, "x", x_scale, x_zero_point);
    if (convolution->to_codes) {
      convolution->y_parameters = checked(step, "y", y_scale, y_zero_point);
      if (!is_applied_by_kernels(convolution->epilogue.activation)) {
        step.reject("activation %d does not give codes", activation);
      }
    }
    step.add(std::move(convolution));
  });
}
