#include "attention/attention.h"

#include <cmath>

#include "program/builder.h"

namespace demitasse {
namespace {

class Attend final : public Operation {
 public:
  Attention attention;  // all but the addresses
  Sequences sequences;
  int32_t q = -1, k = -1, v = -1, mask = -1, y = -1;
  int64_t q_column = 0, k_column = 0, v_column = 0;

  void run(const Frame& frame) const override {
    Attention bound = attention;
    bound.q = frame.f32(q) + q_column;
    bound.k = frame.f32(k) + k_column;
    bound.v = frame.f32(v) + v_column;
    bound.mask = frame.f32(mask);
    bound.offsets = sequences.offsets(frame);
    bound.sequences = sequences.count(frame);
    if (attention.requantize == Requantize::none) {
      bound.y = frame.f32(y);
    } else {
      bound.quantized = frame.quantized(y);
    }
    demitasse::attention(frame.isa(), bound, frame.executor());
  }
};

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_attention(dmt_program* program, int32_t q, int64_t q_column, int32_t k,
                              int64_t k_column, int32_t v, int64_t v_column, int32_t mask,
                              int64_t heads, int64_t head_dim, float scale, int32_t causal,
                              int64_t sequence_length, int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "attention");
    auto attend = std::make_unique<Attend>();
    int64_t features = 0;
    if (heads <= 0 || head_dim <= 0 || __builtin_mul_overflow(heads, head_dim, &features)) {
      step.reject("%lld heads of %lld features", ll(heads), ll(head_dim));
    }
    if (!std::isfinite(scale)) step.reject("scale is %g", static_cast<double>(scale));
    step.check_flag(causal, "causal");

    const Value& query = step.reads(q, "q");
    const auto check_projection = [&](int32_t id, int64_t column, const char* argument) {
      const Value& value = step.reads(id, argument);
      step.check_f32(value, argument);
      step.check_same_rows(query, "q", value, argument);
      if (column < 0 || features > value.features() || column > value.features() - features) {
        step.reject("%s is %s, but %lld columns from %lld on are asked for", argument,
                    value.describe().c_str(), ll(features), ll(column));
      }
      return value.features();
    };
    attend->attention.q_stride = check_projection(q, q_column, "q");
    attend->attention.k_stride = check_projection(k, k_column, "k");
    attend->attention.v_stride = check_projection(v, v_column, "v");
    attend->sequences = step.sequences(query, sequence_length);
    if (mask != -1) {
      const Value& added = step.reads(mask, "mask");
      if (added.quantized || added.dtype != DMT_F32 || added.rows != query.rows ||
          added.elements_per_row() != query.matrix_rows_per_row()) {
        step.reject("mask is %s, one f32 number per row of %s is needed", added.describe().c_str(),
                    query.describe().c_str());
      }
    }

    const Value& out = step.writes(y, "y");
    if (out.quantized) {
      step.check_row_quantized(out, "y");
      attend->attention.requantize = requantize_mode(out);
    } else {
      step.check_f32(out, "y");
    }
    step.check_features(out, "y", features);
    step.check_same_rows(query, "q", out, "y");

    attend->attention.y_stride = features;
    attend->attention.heads = heads;
    attend->attention.head_dim = head_dim;
    attend->attention.scale = scale;
    attend->attention.causal = causal == 1;
    attend->q = q;
    attend->k = k;
    attend->v = v;
    attend->q_column = q_column;
    attend->k_column = k_column;
    attend->v_column = v_column;
    attend->mask = mask;
    attend->y = y;
    step.add(std::move(attend));
  });
}
