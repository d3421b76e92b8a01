#include "embedding/embedding.h"

#include <cmath>

#include "program/builder.h"

namespace demitasse {
namespace {

class Lookup final : public Operation {
 public:
  std::string name;
  std::vector<float> row_scales;
  std::vector<int32_t> row_zero_points;
  Sequences sequences;
  int32_t indices = -1, table = -1, y = -1;
  bool accumulate = false;

  void run(const Frame& frame) const override {
    Embedding embedding;
    embedding.name = name.c_str();
    embedding.table = frame.tensor(table);
    embedding.row_scales = row_scales.empty() ? nullptr : row_scales.data();
    embedding.row_zero_points = row_zero_points.empty() ? nullptr : row_zero_points.data();
    embedding.scale_count = static_cast<int64_t>(row_scales.size());
    embedding.indices = frame.tensor(indices);
    if (indices == -1) {
      embedding.offsets = sequences.offsets(frame);
      embedding.sequences = sequences.count(frame);
    }
    embedding.accumulate = accumulate;
    embedding.y = frame.f32(y);
    embedding.first_row = frame.first_row(y);
    embedding.first_sequence = frame.first().sequences;
    embed(frame.isa(), embedding, frame.matrix_rows(y), frame.executor());
  }
};

class Pool final : public Operation {
 public:
  Pooling pooling;  // all but the addresses
  Sequences sequences;
  int32_t x = -1, mask = -1, y = -1;

  void run(const Frame& frame) const override {
    Pooling bound = pooling;
    bound.x = frame.f32(x);
    bound.mask = frame.tensor(mask);
    bound.offsets = sequences.offsets(frame);
    bound.sequences = sequences.count(frame);
    bound.y = frame.f32(y);
    pool(frame.isa(), bound, frame.executor());
  }
};

// One number per row of `rows_of`, whatever its shape.
bool one_per_row(const Value& value, const Value& rows_of) {
  return !value.quantized && value.rows == rows_of.rows &&
         value.elements_per_row() == rows_of.matrix_rows_per_row();
}

void check_table(StepBuilder& step, const Value& table, const float* row_scales,
                 const int32_t* row_zero_points, int64_t scale_count) {
  if (!table.is_constant || table.rank != 2 || table.dims[0] == 0 || table.dims[1] == 0) {
    step.reject("table is %s%s, a constant [entries, features] is needed",
                table.is_constant ? "" : "not constant: ", table.describe().c_str());
  }
  const int64_t entries = table.dims[0];
  if (table.dtype == DMT_F32 || table.dtype == DMT_F16 || table.dtype == DMT_BF16) {
    if (row_scales != nullptr || row_zero_points != nullptr) {
      step.reject("a table of %s takes no scales", dtype_name(table.dtype));
    }
    return;
  }
  if (table.dtype != DMT_S8 && table.dtype != DMT_U8) {
    step.reject("table is %s: f32, f16, bf16, s8 or u8 is needed", table.describe().c_str());
  }
  if (row_scales == nullptr || (scale_count != 1 && scale_count != entries)) {
    step.reject("table is %s: 1 or %lld row scales are needed", table.describe().c_str(),
                ll(entries));
  }
  for (int64_t i = 0; i < scale_count; ++i) {
    if (!std::isfinite(row_scales[i])) step.reject("row scale %lld is not finite", ll(i));
    if (row_zero_points != nullptr && (row_zero_points[i] < -128 || row_zero_points[i] > 255)) {
      step.reject("row zero point %lld is %d, outside -128..255", ll(i), row_zero_points[i]);
    }
  }
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_embedding(dmt_program* program, const char* name, int32_t indices,
                              int32_t table, const float* row_scales,
                              const int32_t* row_zero_points, int64_t scale_count,
                              int64_t sequence_length, int32_t accumulate, int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "embedding");
    auto lookup = std::make_unique<Lookup>();
    if (name == nullptr) step.reject("name is NULL");
    step.check_flag(accumulate, "accumulate");
    const Value& entries = step.reads(table, "table");
    // A constant may be seen through an alias.
    Value constant = entries;
    constant.is_constant = step.program().value(entries.root).is_constant;
    check_table(step, constant, row_scales, row_zero_points, scale_count);
    const Value& out = accumulate == 1 ? step.updates(y, "y") : step.writes(y, "y");
    step.check_f32(out, "y");
    step.check_features(out, "y", entries.dims[1]);
    if (indices == -1) {
      lookup->sequences = step.sequences(out, sequence_length);
    } else {
      const Value& wanted = step.reads(indices, "indices");
      if ((wanted.dtype != DMT_S64 && wanted.dtype != DMT_S32) || !one_per_row(wanted, out)) {
        step.reject("indices is %s, one s64 or s32 number per row of %s is needed",
                    wanted.describe().c_str(), out.describe().c_str());
      }
    }
    if (row_scales != nullptr) {
      lookup->row_scales.assign(row_scales, row_scales + scale_count);
      if (row_zero_points != nullptr) {
        lookup->row_zero_points.assign(row_zero_points, row_zero_points + scale_count);
      }
    }
    lookup->name = name;
    lookup->indices = indices;
    lookup->table = table;
    lookup->accumulate = accumulate == 1;
    lookup->y = y;
    step.add(std::move(lookup));
  });
}

int32_t dmt_program_pooling(dmt_program* program, int32_t x, int32_t mask, int32_t pooling,
                            int32_t normalize, int64_t sequence_length, int32_t y) {
  return guarded([&] {
    StepBuilder step(program, "pooling");
    auto pool = std::make_unique<demitasse::Pool>();
    const Value& in = step.reads(x, "x");
    step.check_f32(in, "x");
    pool->sequences = step.sequences(in, sequence_length);
    if (mask != -1) {
      const Value& weights = step.reads(mask, "mask");
      if ((weights.dtype != DMT_F32 && weights.dtype != DMT_S64) || !one_per_row(weights, in)) {
        step.reject("mask is %s, one f32 or s64 number per row of %s is needed",
                    weights.describe().c_str(), in.describe().c_str());
      }
    }
    if (pooling < DMT_POOLING_MEAN || pooling > DMT_POOLING_FIRST) {
      step.reject("unknown pooling %d", pooling);
    }
    step.check_flag(normalize, "normalize");
    const Value& out = step.writes(y, "y");
    step.check_f32(out, "y");
    step.check_features(out, "y", in.features());
    const bool fixed = in.rows == DMT_ROWS_STATIC;
    const int64_t rows = fixed ? in.matrix_rows_per_row() / sequence_length : 1;
    if (out.rows != (fixed ? DMT_ROWS_STATIC : DMT_ROWS_SEQUENCES) ||
        out.matrix_rows_per_row() != rows) {
      step.reject("y is %s, one row per sequence of %s is needed", out.describe().c_str(),
                  in.describe().c_str());
    }
    pool->pooling.features = in.features();
    pool->pooling.kind = pooling;
    pool->pooling.normalize = normalize == 1;
    pool->x = x;
    pool->mask = mask;
    pool->y = y;
    step.add(std::move(pool));
  });
}
