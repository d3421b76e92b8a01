// The C ABI of programs: values, inputs, outputs, and the program itself.
#include <cmath>

#include "core/error.h"
#include "program/program.h"

namespace demitasse {
namespace {

Value shape(int32_t dtype, int32_t rows, const int64_t* dims, int32_t rank) {
  if (element_bits(dtype) == 0) {
    fail(DMT_INVALID_ARGUMENT, "value: unknown element type %d", dtype);
  }
  if (rows < DMT_ROWS_STATIC || rows > DMT_ROWS_SEQUENCES) {
    fail(DMT_INVALID_ARGUMENT, "value: unknown row kind %d", rows);
  }
  // Operators see one more dimension: the row count.
  const int32_t max_rank = rows == DMT_ROWS_STATIC ? DMT_MAX_RANK : DMT_MAX_RANK - 1;
  if (rank < 0 || rank > max_rank) {
    fail(DMT_INVALID_ARGUMENT, "value: rank %d is outside 0..%d", rank, max_rank);
  }
  if (rank > 0 && dims == nullptr) fail(DMT_INVALID_ARGUMENT, "value: dims is NULL");
  Value value;
  value.dtype = dtype;
  value.rows = rows;
  value.rank = rank;
  int64_t bits = element_bits(dtype);
  for (int32_t i = 0; i < rank; ++i) {
    value.dims[i] = dims[i];
    // An empty dimension must not hide how large the others are.
    const int64_t factor = dims[i] > 0 ? dims[i] : 1;
    if (dims[i] < 0 || __builtin_mul_overflow(bits, factor, &bits) || bits / 8 > kMaxBytes) {
      fail(DMT_INVALID_ARGUMENT, "value: dimension %d is %lld, negative or too large", i,
           ll(dims[i]));
    }
  }
  if (rows != DMT_ROWS_STATIC && value.elements_per_row() * element_bits(dtype) % 8 != 0) {
    fail(DMT_INVALID_ARGUMENT, "value: a row of %s does not fill whole bytes",
         value.describe().c_str());
  }
  return value;
}

template <class Body>
int32_t build(dmt_program* handle, Body&& body) {
  return guarded([&] {
    const std::shared_ptr<Program> program = programs().get(handle);
    const std::lock_guard lock(program->building());
    program->check_building();
    body(*program);
  });
}

void check_id_pointer(const int32_t* id) {
  if (id == nullptr) fail(DMT_INVALID_ARGUMENT, "value: id is NULL");
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_create(dmt_program** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "program: out is NULL");
    *out = programs().add(std::make_shared<Program>());
  });
}

void dmt_program_release(dmt_program* program) { programs().remove(program); }

int32_t dmt_program_value(dmt_program* program, int32_t dtype, int32_t rows, const int64_t* dims,
                          int32_t rank, int32_t* id) {
  return build(program, [&](Program& target) {
    check_id_pointer(id);
    *id = target.add_value(shape(dtype, rows, dims, rank));
  });
}

int32_t dmt_program_constant(dmt_program* program, int32_t dtype, const int64_t* dims, int32_t rank,
                             const void* data, int64_t bytes, int32_t copy, int32_t* id) {
  return build(program, [&](Program& target) {
    check_id_pointer(id);
    const Value value = shape(dtype, DMT_ROWS_STATIC, dims, rank);
    if (bytes != value.bytes({})) {
      fail(DMT_INVALID_ARGUMENT, "constant: %s needs %lld bytes, %lld are given",
           value.describe().c_str(), ll(value.bytes({})), ll(bytes));
    }
    if (bytes > 0 && data == nullptr) fail(DMT_INVALID_ARGUMENT, "constant: data is NULL");
    if (copy != 0 && copy != 1)
      fail(DMT_INVALID_ARGUMENT, "constant: copy is %d, not 0 or 1", copy);
    if (copy == 0 && reinterpret_cast<uintptr_t>(data) % alignment(dtype) != 0) {
      fail(DMT_INVALID_ARGUMENT, "constant: data is not aligned to its elements");
    }
    *id = target.add_constant(value, data, copy == 1);
  });
}

int32_t dmt_program_quantized_value(dmt_program* program, int32_t rows, int64_t static_rows,
                                    int64_t features, int32_t mode, float scale, int32_t zero_point,
                                    int32_t* id) {
  return build(program, [&](Program& target) {
    check_id_pointer(id);
    if (features <= 0) {
      fail(DMT_INVALID_ARGUMENT, "quantized value: %lld features", ll(features));
    }
    if (mode < DMT_QUANTIZATION_DYNAMIC_ROW || mode > DMT_QUANTIZATION_STATIC) {
      fail(DMT_INVALID_ARGUMENT, "quantized value: unknown mode %d", mode);
    }
    if (mode == DMT_QUANTIZATION_STATIC) {
      if (!std::isfinite(scale) || scale <= 0) {
        fail(DMT_INVALID_ARGUMENT, "quantized value: scale %g is not finite and positive",
             static_cast<double>(scale));
      }
      if (zero_point < 0 || zero_point > 255) {
        fail(DMT_INVALID_ARGUMENT, "quantized value: zero point %d is outside 0..255", zero_point);
      }
    }
    const int64_t dims[] = {static_rows, features};
    const bool fixed = rows == DMT_ROWS_STATIC;
    Value value = fixed ? shape(DMT_U8, rows, dims, 2) : shape(DMT_U8, rows, dims + 1, 1);
    value.quantized = true;
    value.quantization = {mode, scale, zero_point};
    value.bytes({1, 1});
    *id = target.add_value(value);
  });
}

int32_t dmt_program_alias(dmt_program* program, int32_t source, int32_t rows, const int64_t* dims,
                          int32_t rank, int32_t* id) {
  return build(program, [&](Program& target) {
    check_id_pointer(id);
    *id = target.add_alias(source, shape(target.value(source).dtype, rows, dims, rank));
  });
}

int32_t dmt_program_input(dmt_program* program, int32_t value) {
  return build(program, [&](Program& target) { target.add_input(value); });
}

int32_t dmt_program_output(dmt_program* program, int32_t value) {
  return build(program, [&](Program& target) { target.add_output(value); });
}

int32_t dmt_program_finish(dmt_program* program, int32_t separable) {
  return build(program, [&](Program& target) {
    if (separable != 0 && separable != 1) {
      fail(DMT_INVALID_ARGUMENT, "finish: separable is %d, not 0 or 1", separable);
    }
    target.finish(separable == 1);
  });
}

int64_t dmt_program_arena_bytes(const dmt_program* program) {
  const std::shared_ptr<Program> found = programs().find(program);
  return found == nullptr ? 0 : found->arena_bytes();
}
