#include "norm/rows.h"

#include <cmath>

#include "program/builder.h"

namespace demitasse {
namespace {

class Quantize final : public Operation {
 public:
  int32_t x = -1, q = -1;
  int64_t features = 0;
  int32_t mode = DMT_QUANTIZATION_DYNAMIC_ROW;

  void run(const Frame& frame) const override {
    const int64_t rows = frame.matrix_rows(x);
    const QuantizedRows quantized = frame.quantized(q);
    if (mode == DMT_QUANTIZATION_DYNAMIC_TENSOR) {
      quantize_tensor(frame.isa(), frame.f32(x), features, rows, quantized, frame.executor());
    } else {
      quantize_rows(frame.isa(), frame.f32(x), features, features, rows,
                    mode == DMT_QUANTIZATION_STATIC ? Requantize::given : Requantize::dynamic_row,
                    quantized, frame.executor());
    }
  }
};

class Normalize final : public Operation {
 public:
  LayerNorm norm;
  std::vector<float> gamma, beta;
  int32_t x = -1, residual = -1, sum = -1, y = -1, q = -1;

  void run(const Frame& frame) const override {
    LayerNorm bound = norm;
    bound.x = frame.f32(x);
    bound.residual = frame.f32(residual);
    bound.gamma = gamma.data();
    bound.beta = beta.empty() ? nullptr : beta.data();
    bound.sum = frame.f32(sum);
    bound.y = frame.f32(y);
    bound.quantized = frame.quantized(q);
    layer_norm(frame.isa(), bound, frame.matrix_rows(x), frame.executor());
  }
};

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_quantize(dmt_program* program, int32_t x, int32_t q) {
  return guarded([&] {
    StepBuilder step(program, "quantize");
    const Value& in = step.reads(x, "x");
    const Value& out = step.writes(q, "q");
    step.check_f32(in, "x");
    if (!out.quantized) step.reject("q is %s, not quantized", out.describe().c_str());
    step.check_features(out, "q", in.features());
    step.check_same_rows(in, "x", out, "q");
    auto quantize = std::make_unique<Quantize>();
    quantize->x = x;
    quantize->q = q;
    quantize->features = in.features();
    quantize->mode = out.quantization.mode;
    step.add(std::move(quantize));
  });
}

int32_t dmt_program_layer_norm(dmt_program* program, int32_t x, int32_t residual,
                               const float* gamma, const float* beta, int64_t features,
                               float epsilon, int32_t rms, int32_t sum, int32_t y, int32_t q) {
  return guarded([&] {
    StepBuilder step(program, "layer_norm");
    const Value& in = step.reads(x, "x");
    step.check_f32(in, "x");
    if (features <= 0) step.reject("%lld features", ll(features));
    step.check_features(in, "x", features);
    if (gamma == nullptr) step.reject("gamma is NULL");
    if (!std::isfinite(epsilon) || epsilon < 0) {
      step.reject("epsilon is %g, not finite and at least 0", static_cast<double>(epsilon));
    }
    step.check_flag(rms, "rms");
    if (y == -1 && q == -1) step.reject("neither y nor q is wanted");
    const auto check = [&](const Value& value, const char* argument) {
      step.check_features(value, argument, features);
      step.check_same_rows(in, "x", value, argument);
    };
    const auto check_plain = [&](const Value& value, const char* argument) {
      step.check_f32(value, argument);
      check(value, argument);
    };
    if (residual != -1) check_plain(step.reads(residual, "residual"), "residual");
    if (sum != -1) check_plain(step.writes(sum, "sum"), "sum");
    if (y != -1) check_plain(step.writes(y, "y"), "y");
    auto normalize = std::make_unique<Normalize>();
    if (q != -1) {
      const Value& quantized = step.writes(q, "q");
      step.check_row_quantized(quantized, "q");
      check(quantized, "q");
      normalize->norm.requantize = requantize_mode(quantized);
    }
    normalize->norm.features = features;
    normalize->norm.epsilon = epsilon;
    normalize->norm.rms = rms == 1;
    normalize->gamma.assign(gamma, gamma + features);
    if (beta != nullptr) normalize->beta.assign(beta, beta + features);
    normalize->x = x;
    normalize->residual = residual;
    normalize->sum = sum;
    normalize->y = y;
    normalize->q = q;
    step.add(std::move(normalize));
  });
}
