#include "gemm/linear.h"

#include "program/builder.h"
#include "program/weight.h"

namespace demitasse {
namespace {

class Linear final : public Operation {
 public:
  std::shared_ptr<const PackedWeight> packed;
  std::vector<float> bias;
  dmt_activation activation = DMT_ACTIVATION_NONE;
  int32_t x = -1, residual = -1, y = -1;
  bool x_quantized = false;
  Requantize requantize = Requantize::none;
  int64_t head_dim = 0;

  void run(const Frame& frame) const override {
    const Weight& weight = *packed->weight;
    const int64_t rows = frame.matrix_rows(x);
    Epilogue epilogue;
    epilogue.bias = bias.empty() ? nullptr : bias.data();
    epilogue.activation = activation;
    epilogue.residual = frame.f32(residual);
    epilogue.residual_stride = weight.n();
    epilogue.requantize = requantize;
    if (requantize == Requantize::none) {
      epilogue.out = frame.f32(y);
      epilogue.out_stride = weight.n();
      epilogue.head_dim = head_dim;
    } else {
      epilogue.quantized = frame.quantized(y);
    }
    if (x_quantized) {
      weight.run(frame.quantized(x), rows, epilogue, frame.executor());
    } else {
      weight.run(frame.f32(x), weight.k(), rows, epilogue, frame.executor());
    }
  }
};

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_linear(dmt_program* program, int32_t x, const dmt_weight* weight,
                           const float* bias, int32_t activation, int32_t residual, int32_t heads,
                           int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "linear");
    auto linear = std::make_unique<Linear>();
    linear->packed = weights().get(weight);
    if (linear->packed->weight == nullptr) step.reject("the weight is that of a convolution");
    const int64_t k = linear->packed->weight->k(), n = linear->packed->weight->n();

    const Value& in = step.reads(x, "x");
    if (!in.quantized) step.check_f32(in, "x");
    if (in.quantized && !linear->packed->integer) {
      step.reject("x is %s, but the weight is of floats", in.describe().c_str());
    }
    step.check_features(in, "x", k);
    if (activation < DMT_ACTIVATION_NONE || activation > DMT_ACTIVATION_SIGMOID) {
      step.reject("unknown activation %d", activation);
    }
    if (residual != -1) {
      const Value& added = step.reads(residual, "residual");
      step.check_f32(added, "residual");
      step.check_features(added, "residual", n);
      step.check_same_rows(in, "x", added, "residual");
    }

    const Value& out = step.writes(y, "y");
    if (out.quantized) {
      step.check_row_quantized(out, "y");
      if (heads != 0) step.reject("a quantized result cannot be scattered to heads");
      linear->requantize = requantize_mode(out);
    } else {
      step.check_f32(out, "y");
    }
    if (heads != 0) {
      if (heads < 0 || n % heads != 0) {
        step.reject("%d heads do not divide %lld output features", heads, ll(n));
      }
      if (in.rows != DMT_ROWS_STATIC || out.rows != DMT_ROWS_STATIC ||
          out.elements_per_row() != in.matrix_rows_per_row() * n) {
        step.reject("scattered to heads, y must be static with %lld elements; it is %s",
                    ll(in.matrix_rows_per_row() * n), out.describe().c_str());
      }
      linear->head_dim = n / heads;
    } else {
      step.check_features(out, "y", n);
      step.check_same_rows(in, "x", out, "y");
    }

    if (bias != nullptr) linear->bias.assign(bias, bias + n);
    linear->activation = static_cast<dmt_activation>(activation);
    linear->x = x;
    linear->x_quantized = in.quantized;
    linear->residual = residual;
    linear->y = y;
    step.add(std::move(linear));
  });
}
