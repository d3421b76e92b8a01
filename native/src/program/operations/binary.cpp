// Layers of signs: rows of bits are s64 values, 64 features in a word.
#include <optional>

#include "bits/bits.h"
#include "gemm/linear.h"
#include "program/builder.h"
#include "program/weight.h"

namespace demitasse {
namespace {

int64_t words_of(int64_t features) { return (features + 63) / 64; }

BitRows bit_rows(const Frame& frame, int32_t id, int64_t features) {
  return {static_cast<uint64_t*>(frame.tensor(id).data), words_of(features)};
}

class Binarize final : public Operation {
 public:
  int32_t x = -1, y = -1;
  int64_t features = 0;

  void run(const Frame& frame) const override {
    const BitRows rows = bit_rows(frame, y, features);
    const float* const from = frame.f32(x);
    frame.executor().parallel_for(frame.matrix_rows(x), 16, [&](int64_t begin, int64_t end) {
      for (int64_t m = begin; m < end; ++m) {
        uint64_t* const words = rows.words + m * rows.stride;
        words[rows.stride - 1] = 0;
        bit_kernels(frame.isa())
            .pack_signs(from + m * features, features, reinterpret_cast<uint8_t*>(words));
      }
    });
  }
};

class BinaryLinear final : public Operation {
 public:
  std::shared_ptr<const PackedWeight> packed;
  std::vector<float> bias;
  std::vector<int32_t> thresholds;
  dmt_activation activation = DMT_ACTIVATION_NONE;
  int32_t x = -1, y = -1;

  void run(const Frame& frame) const override {
    const Weight& weight = *packed->weight;
    const int64_t rows = frame.matrix_rows(x);
    const BitRows in = bit_rows(frame, x, weight.k());
    if (!thresholds.empty()) {
      weight.run_signs(in, rows, thresholds.data(), bit_rows(frame, y, weight.n()),
                       frame.executor());
      return;
    }
    Epilogue epilogue;
    epilogue.bias = bias.empty() ? nullptr : bias.data();
    epilogue.activation = activation;
    epilogue.out = frame.f32(y);
    epilogue.out_stride = weight.n();
    weight.run(in, rows, epilogue, frame.executor());
  }
};

void check_bits(StepBuilder& step, const Value& value, const char* argument, int64_t features) {
  if (value.quantized || value.dtype != DMT_S64) {
    step.reject("%s is %s, rows of bits are s64", argument, value.describe().c_str());
  }
  step.check_features(value, argument, words_of(features));
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_binarize(dmt_program* program, int32_t x, int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "binarize");
    auto binarize = std::make_unique<Binarize>();
    const Value& in = step.reads(x, "x");
    step.check_f32(in, "x");
    const Value& out = step.writes(y, "y");
    check_bits(step, out, "y", in.features());
    step.check_same_rows(in, "x", out, "y");
    if (in.features() == 0) step.reject("x has no features");
    binarize->x = x;
    binarize->y = y;
    binarize->features = in.features();
    step.add(std::move(binarize));
  });
}

int32_t dmt_program_binary_linear(dmt_program* program, int32_t x, const dmt_weight* weight,
                                  const float* bias, int32_t activation, const int32_t* thresholds,
                                  int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "binary linear");
    auto linear = std::make_unique<BinaryLinear>();
    linear->packed = weights().get(weight);
    const Weight* const matrix = linear->packed->weight.get();
    if (matrix == nullptr || !matrix->takes_signs()) {
      step.reject("the weight is not binary with one scale per channel");
    }
    const int64_t n = matrix->n();
    const Value& in = step.reads(x, "x");
    check_bits(step, in, "x", matrix->k());
    if (activation < DMT_ACTIVATION_NONE || activation > DMT_ACTIVATION_SIGMOID) {
      step.reject("unknown activation %d", activation);
    }
    const Value& out = step.writes(y, "y");
    if (thresholds != nullptr) {
      if (bias != nullptr || activation != DMT_ACTIVATION_NONE) {
        step.reject("with thresholds there is neither bias nor activation: they fold into those");
      }
      check_bits(step, out, "y", n);
      linear->thresholds.assign(thresholds, thresholds + n);
    } else {
      step.check_f32(out, "y");
      step.check_features(out, "y", n);
      if (bias != nullptr) linear->bias.assign(bias, bias + n);
    }
    step.check_same_rows(in, "x", out, "y");
    linear->activation = static_cast<dmt_activation>(activation);
    linear->x = x;
    linear->y = y;
    step.add(std::move(linear));
  });
}
