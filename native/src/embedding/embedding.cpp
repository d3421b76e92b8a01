#include "embedding/embedding.h"

#include <algorithm>

#include "core/error.h"
#include "demitasse/program.h"
#include "embedding/embedding_kernels.h"

namespace demitasse {

const EmbeddingKernels& embedding_kernels(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return embedding_kernels_avx512;
    case Isa::avx2:
      return embedding_kernels_avx2;
    default:
      return embedding_kernels_scalar;
  }
}

namespace {

int64_t index_at(const TensorView& indices, int64_t row) {
  return indices.dtype == DMT_S32 ? indices.as<int32_t>()[row] : indices.as<int64_t>()[row];
}

int64_t checked_index(const Embedding& e, int64_t row) {
  const int64_t entries = e.table.dims[0];
  const int64_t index = index_at(e.indices, row);
  if (index < -entries || index >= entries) {
    fail(DMT_INVALID_ARGUMENT, "%s: index %lld at row %lld is outside the table of %lld entries",
         e.name, static_cast<long long>(index), static_cast<long long>(e.first_row + row),
         static_cast<long long>(entries));
  }
  return index;
}

void check_indices(const Embedding& e, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row) checked_index(e, row);
}

void check_positions(const Embedding& e) {
  const int64_t entries = e.table.dims[0];
  for (int64_t s = 0; s < e.sequences; ++s) {
    const int64_t length = e.offsets[s + 1] - e.offsets[s];
    if (length > entries) {
      fail(DMT_INVALID_ARGUMENT, "%s: sequence %lld has %lld tokens, the table has %lld positions",
           e.name, static_cast<long long>(e.first_sequence + s), static_cast<long long>(length),
           static_cast<long long>(entries));
    }
  }
}

void check(const Embedding& e, int64_t rows) {
  switch (e.table.dtype) {
    case DMT_F32:
    case DMT_F16:
    case DMT_BF16:
      break;
    case DMT_S8:
    case DMT_U8:
      if (e.row_scales != nullptr && (e.scale_count == 1 || e.scale_count == e.table.dims[0]))
        break;
      fail(DMT_INVALID_ARGUMENT, "%s: %lld row scales for a quantized table of %lld entries",
           e.name, static_cast<long long>(e.scale_count), static_cast<long long>(e.table.dims[0]));
    default:
      fail(DMT_UNSUPPORTED, "%s: an embedding table of element type %d", e.name, e.table.dtype);
  }
  if (!e.indices.present()) {
    check_positions(e);
  } else if (e.indices.dtype == DMT_S32 || e.indices.dtype == DMT_S64) {
    check_indices(e, rows);
  } else {
    fail(DMT_INVALID_ARGUMENT, "%s: indices of element type %d, wanted s32 or s64", e.name,
         e.indices.dtype);
  }
}

void look_up(const EmbeddingKernels& kernels, const Embedding& e, int64_t row, int64_t entry) {
  const int64_t features = e.table.dims[1];
  if (entry < 0) entry += e.table.dims[0];
  const bool scaled = e.row_scales != nullptr;
  const int64_t parameter = e.scale_count > 1 ? entry : 0;
  const int64_t element = element_bytes(e.table.dtype);
  kernels.lookup(e.table.dtype, e.table.as<char>() + entry * features * element,
                 scaled ? e.row_scales[parameter] : 1,
                 e.row_zero_points != nullptr ? e.row_zero_points[parameter] : 0, e.accumulate,
                 e.y + row * features, features);
}

// Rows that one thread takes at a time: about 32 KB of results.
int64_t grain(int64_t features) {
  return std::max<int64_t>(1, 8192 / std::max<int64_t>(1, features));
}

}  // namespace

void embed(Isa isa, const Embedding& e, int64_t rows, const Executor& executor) {
  check(e, rows);
  const EmbeddingKernels& kernels = embedding_kernels(isa);
  if (e.indices.present()) {
    executor.parallel_for(rows, grain(e.table.dims[1]), [&](int64_t begin, int64_t end) {
      // Checked again: the caller's memory may have changed since.
      for (int64_t row = begin; row < end; ++row) look_up(kernels, e, row, checked_index(e, row));
    });
  } else {
    executor.parallel_for(e.sequences, 1, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        for (int64_t row = e.offsets[s]; row < e.offsets[s + 1]; ++row) {
          look_up(kernels, e, row, row - e.offsets[s]);
        }
      }
    });
  }
}

namespace {

float mask_at(const TensorView& mask, int64_t row) {
  if (!mask.present()) return 1;
  return mask.dtype == DMT_F32 ? mask.as<float>()[row]
                               : static_cast<float>(mask.as<int64_t>()[row]);
}

void pool_mean(const EmbeddingKernels& kernels, const Pooling& p, int64_t s, float* y) {
  float total = 0;
  for (int64_t row = p.offsets[s]; row < p.offsets[s + 1]; ++row) {
    const float weight = mask_at(p.mask, row);
    total += weight;
    kernels.add_scaled(weight, p.x + row * p.features, y, p.features);
  }
  kernels.divide(std::max(total, 1e-9f), y, p.features);
}

void pool_max(const EmbeddingKernels& kernels, const Pooling& p, int64_t s, float* y) {
  bool first = true;
  for (int64_t row = p.offsets[s]; row < p.offsets[s + 1]; ++row) {
    if (mask_at(p.mask, row) == 0) continue;
    const float* x = p.x + row * p.features;
    if (first) {
      std::copy_n(x, p.features, y);
    } else {
      kernels.maximum(x, y, p.features);
    }
    first = false;
  }
}

}  // namespace

void pool(Isa isa, const Pooling& p, const Executor& executor) {
  if (p.mask.present() && p.mask.dtype != DMT_F32 && p.mask.dtype != DMT_S64) {
    fail(DMT_INVALID_ARGUMENT, "pooling mask of element type %d, wanted f32 or s64", p.mask.dtype);
  }
  const EmbeddingKernels& kernels = embedding_kernels(isa);
  executor.parallel_for(p.sequences, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      float* y = p.y + s * p.features;
      std::fill_n(y, p.features, 0.0f);
      switch (p.kind) {
        case DMT_POOLING_MEAN:
          pool_mean(kernels, p, s, y);
          break;
        case DMT_POOLING_MAX:
          pool_max(kernels, p, s, y);
          break;
        default:
          if (p.offsets[s] < p.offsets[s + 1]) {
            std::copy_n(p.x + p.offsets[s] * p.features, p.features, y);
          }
      }
      if (p.normalize) kernels.divide(std::max(kernels.norm(y, p.features), 1e-12f), y, p.features);
    }
  });
}

}  // namespace demitasse
