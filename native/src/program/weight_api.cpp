// The C ABI of packed weights.
#include <cmath>

#include "core/error.h"
#include "core/tensor_view.h"
#include "cpu/isa.h"
#include "gemm/source.h"
#include "program/value.h"
#include "program/weight.h"

namespace demitasse {

Handles<dmt_weight, const PackedWeight>& weights() {
  // Never destroyed: the process may exit while another thread still runs a program.
  static auto& handles = *new Handles<dmt_weight, const PackedWeight>("weight");
  return handles;
}

namespace {

void check_aligned(int32_t dtype, const void* data, const char* name) {
  const int64_t bytes = element_bytes(dtype);
  if (bytes > 1 && reinterpret_cast<uintptr_t>(data) % bytes != 0) {
    fail(DMT_INVALID_ARGUMENT, "weight: %s is not aligned to its elements", name);
  }
}

void check_source(int32_t dtype, const void* source, int64_t source_bytes, int64_t k, int64_t n,
                  int64_t k_stride, int64_t n_stride) {
  if (k <= 0 || n <= 0 || k_stride <= 0 || n_stride <= 0) {
    fail(DMT_INVALID_ARGUMENT,
         "weight: k %lld, n %lld, k_stride %lld, n_stride %lld: all must be positive", ll(k), ll(n),
         ll(k_stride), ll(n_stride));
  }
  // Index of the last element, in bytes.
  int64_t elements = 0, rows = 0, columns = 0, needed = 0;
  if (__builtin_mul_overflow(k, n, &elements) || elements > kMaxBytes ||
      __builtin_mul_overflow(k - 1, k_stride, &rows) ||
      __builtin_mul_overflow(n - 1, n_stride, &columns) ||
      __builtin_add_overflow(rows, columns, &needed) ||
      __builtin_add_overflow(needed, 1, &needed) ||
      __builtin_mul_overflow(needed, dtype == kSigns ? 1 : element_bits(dtype), &needed) ||
      __builtin_add_overflow(needed, 7, &needed)) {
    fail(DMT_INVALID_ARGUMENT, "weight: [%lld x %lld] is too large", ll(k), ll(n));
  }
  needed /= 8;
  if (source == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: source is NULL");
  if (source_bytes < needed) {
    fail(DMT_INVALID_ARGUMENT,
         "weight: [%lld x %lld] with strides %lld and %lld takes %lld bytes of %s, %lld are given",
         ll(k), ll(n), ll(k_stride), ll(n_stride), ll(needed),
         dtype == kSigns ? "signs" : dtype_name(dtype), ll(source_bytes));
  }
  check_aligned(dtype, source, "source");
}

void check_parameters(int32_t dtype, int64_t n, const float* scales, const int32_t* zero_points,
                      int64_t scale_count) {
  if (scale_count != 1 && scale_count != n) {
    fail(DMT_INVALID_ARGUMENT, "weight: %lld scales for %lld output channels", ll(scale_count),
         ll(n));
  }
  if (scales == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: scales is NULL");
  const int32_t low = dtype == DMT_S8 ? -128 : 0;
  for (int64_t i = 0; i < scale_count; ++i) {
    if (!std::isfinite(scales[i]) || scales[i] < 0) {
      fail(DMT_INVALID_ARGUMENT, "weight: scale %lld is %g, not finite and at least 0", ll(i),
           static_cast<double>(scales[i]));
    }
    if (zero_points != nullptr && (zero_points[i] < low || zero_points[i] > low + 255)) {
      fail(DMT_INVALID_ARGUMENT, "weight: zero point %lld is %d, outside %s", ll(i), zero_points[i],
           dtype_name(dtype));
    }
  }
}

void check_groups(const GroupedSource& source, int64_t scales_bytes) {
  constexpr int64_t kMaxDepth = 1 << 20;
  const int64_t k = source.k, n = source.n, group = source.group;
  if (k > kMaxDepth) {
    fail(DMT_UNSUPPORTED, "grouped weights have at most %lld input features, not %lld",
         ll(kMaxDepth), ll(k));
  }
  if (group < k && (group < 16 || group > 1024 || group % 16 != 0)) {
    fail(DMT_INVALID_ARGUMENT,
         "weight: groups of %lld; the size must be a multiple of 16 up to 1024, or at least %lld "
         "(all input features)",
         ll(group), ll(k));
  }
  if (source.scale_dtype != DMT_F32 && source.scale_dtype != DMT_F16) {
    fail(DMT_INVALID_ARGUMENT, "weight: scales of type %d (%s), wanted f32 or f16",
         source.scale_dtype, dtype_name(source.scale_dtype));
  }
  if (source.scales == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: scales is NULL");
  check_aligned(source.scale_dtype, source.scales, "scales");
  const int64_t parameters = source.groups() * n;
  if (scales_bytes < parameters * element_bytes(source.scale_dtype)) {
    fail(DMT_INVALID_ARGUMENT,
         "weight: %lld groups of %lld channels need %lld scales, %lld bytes of %s are given",
         ll(source.groups()), ll(n), ll(parameters), ll(scales_bytes),
         dtype_name(source.scale_dtype));
  }
  const int32_t low = source.is_signed() ? -(1 << (source.bits() - 1)) : 0;
  const int32_t high = low + (1 << source.bits()) - 1;
  for (int64_t i = 0; i < parameters; ++i) {
    if (!std::isfinite(source.scale(i))) {
      fail(DMT_INVALID_ARGUMENT, "weight: the scale of group %lld, channel %lld is not finite",
           ll(i / n), ll(i % n));
    }
    if (source.zero_point(i) < low || source.zero_point(i) > high) {
      fail(DMT_INVALID_ARGUMENT, "weight: zero point %d of group %lld, channel %lld is outside %s",
           source.zero_point(i), ll(i / n), ll(i % n), dtype_name(source.dtype));
    }
  }
  if (source.codebook == nullptr) return;
  if (source.dtype != DMT_U4 || source.zero_points != nullptr) {
    fail(DMT_INVALID_ARGUMENT, "weight: a codebook needs uint4 codes and no zero points");
  }
  for (int i = 0; i < 16; ++i) {
    if (!std::isfinite(source.codebook[i])) {
      fail(DMT_INVALID_ARGUMENT, "weight: entry %d of the codebook is not finite", i);
    }
  }
}

// Returns what a convolution's kernel is.
ConvolutionKernel checked_kernel(const int64_t* dims, int64_t group, int64_t block) {
  if (dims == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: dims is NULL");
  int64_t elements = 1;
  for (int i = 0; i < 4; ++i) {
    if (dims[i] <= 0 || __builtin_mul_overflow(elements, dims[i], &elements) ||
        elements > kMaxBytes) {
      fail(DMT_INVALID_ARGUMENT, "weight: a kernel of [%lld x %lld x %lld x %lld]", ll(dims[0]),
           ll(dims[1]), ll(dims[2]), ll(dims[3]));
    }
  }
  int64_t channels = 0;
  if (group <= 0 || dims[0] % group != 0 || __builtin_mul_overflow(dims[1], group, &channels) ||
      channels > kMaxBytes) {
    fail(DMT_INVALID_ARGUMENT, "weight: %lld groups of a kernel with %lld output channels",
         ll(group), ll(dims[0]));
  }
  constexpr int64_t kMostBlock = 64;
  if (block < 1 || block > kMostBlock || dims[0] % (block * block) != 0) {
    fail(DMT_INVALID_ARGUMENT,
         "weight: blocks of %lld x %lld of %lld output channels; the size must be 1 to %lld, and "
         "its square divide them",
         ll(block), ll(block), ll(dims[0]), ll(kMostBlock));
  }
  if (block > 1 && group > 1) {
    fail(DMT_UNSUPPORTED, "weight: blocks of %lld x %lld and %lld groups", ll(block), ll(block),
         ll(group));
  }
  ConvolutionKernel kernel;
  kernel.out_channels = dims[0];
  kernel.group_channels = dims[1];
  kernel.height = dims[2];
  kernel.width = dims[3];
  kernel.group = group;
  kernel.block = block;
  return kernel;
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_weight_pack_float(int32_t dtype, const void* source, int64_t source_bytes, int64_t k,
                              int64_t n, int64_t k_stride, int64_t n_stride, dmt_weight** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: out is NULL");
    if (dtype != DMT_F32 && dtype != DMT_F16 && dtype != DMT_BF16) {
      fail(DMT_INVALID_ARGUMENT, "weight: element type %d (%s), wanted f32, f16 or bf16", dtype,
           dtype_name(dtype));
    }
    check_source(dtype, source, source_bytes, k, n, k_stride, n_stride);
    *out = weights().add(std::make_shared<const PackedWeight>(
        pack_float_weight(active_isa(), dtype, source, k, n, k_stride, n_stride), false));
  });
}

int32_t dmt_weight_pack_int8(int32_t dtype, const void* source, int64_t source_bytes, int64_t k,
                             int64_t n, int64_t k_stride, int64_t n_stride, const float* scales,
                             const int32_t* zero_points, int64_t scale_count, dmt_weight** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: out is NULL");
    if (dtype != DMT_S8 && dtype != DMT_U8) {
      fail(DMT_INVALID_ARGUMENT, "weight: element type %d (%s), wanted s8 or u8", dtype,
           dtype_name(dtype));
    }
    check_source(dtype, source, source_bytes, k, n, k_stride, n_stride);
    check_parameters(dtype, n, scales, zero_points, scale_count);
    *out = weights().add(std::make_shared<const PackedWeight>(
        pack_int8_weight(active_isa(), dtype, source, k, n, k_stride, n_stride, scales, zero_points,
                         scale_count),
        true));
  });
}

int32_t dmt_weight_pack_grouped(int32_t dtype, const void* codes, int64_t codes_bytes, int64_t k,
                                int64_t n, int64_t k_stride, int64_t n_stride, int64_t group,
                                int32_t scale_dtype, const void* scales, int64_t scales_bytes,
                                const int32_t* zero_points, const float* codebook,
                                dmt_weight** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: out is NULL");
    switch (dtype) {
      case DMT_U2:
      case DMT_S2:
      case DMT_U4:
      case DMT_S4:
      case DMT_U8:
      case DMT_S8:
        break;
      default:
        fail(DMT_INVALID_ARGUMENT,
             "weight: codes of type %d (%s), wanted integers of 2, 4 or 8 bits", dtype,
             dtype_name(dtype));
    }
    check_source(dtype, codes, codes_bytes, k, n, k_stride, n_stride);
    const GroupedSource source{dtype, codes,       k,      n,           k_stride, n_stride,
                               group, scale_dtype, scales, zero_points, codebook};
    check_groups(source, scales_bytes);
    *out = weights().add(
        std::make_shared<const PackedWeight>(pack_grouped_weight(active_isa(), source), true));
  });
}

int32_t dmt_weight_pack_convolution(const float* source, int64_t source_bytes, const int64_t* dims,
                                    int64_t group, int64_t block, int32_t kind, dmt_weight** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: out is NULL");
    ConvolutionKernel kernel = checked_kernel(dims, group, block);
    if (kind < DMT_CONVOLUTION_CHANNELS_LAST || kind > DMT_CONVOLUTION_CHANNELS_FIRST) {
      fail(DMT_INVALID_ARGUMENT, "weight: kind %d of convolution is not known", kind);
    }
    check_source(DMT_F32, source, source_bytes, kernel.out_channels * kernel.depth(), 1, 1, 1);
    kernel.channels_first = kind == DMT_CONVOLUTION_CHANNELS_FIRST;
    if (kind != DMT_CONVOLUTION_CHANNELS_LAST && group != 1) {
      fail(DMT_UNSUPPORTED, "weight: kind %d of convolution and %lld groups", kind, ll(group));
    }
    *out = weights().add(
        std::make_shared<const PackedWeight>(pack_float_convolution(active_isa(), kernel, source)));
  });
}

int32_t dmt_weight_pack_binary(const void* signs, int64_t signs_bytes, int64_t k, int64_t n,
                               int64_t k_stride, int64_t n_stride, int64_t group,
                               int32_t scale_dtype, const void* scales, int64_t scales_bytes,
                               dmt_weight** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: out is NULL");
    check_source(kSigns, signs, signs_bytes, k, n, k_stride, n_stride);
    const GroupedSource source{kSigns, signs, k, n, k_stride, n_stride, group, scale_dtype, scales};
    check_groups(source, scales_bytes);
    *out = weights().add(
        std::make_shared<const PackedWeight>(pack_binary_weight(active_isa(), source), true));
  });
}

int32_t dmt_weight_pack_code_convolution(const void* codes, int64_t codes_bytes,
                                         const int64_t* dims, int64_t group, int64_t block,
                                         const float* scales, int64_t scale_count,
                                         dmt_weight** out) {
  return guarded([&] {
    if (out == nullptr) fail(DMT_INVALID_ARGUMENT, "weight: out is NULL");
    const ConvolutionKernel kernel = checked_kernel(dims, group, block);
    check_source(DMT_S8, codes, codes_bytes, kernel.out_channels * kernel.depth(), 1, 1, 1);
    check_parameters(DMT_S8, dims[0], scales, nullptr, scale_count);
    if (!is_code_convolution(kernel)) {
      fail(DMT_UNSUPPORTED,
           "weight: no kernel for codes of [%lld x %lld x %lld x %lld] in %lld groups", ll(dims[0]),
           ll(dims[1]), ll(dims[2]), ll(dims[3]), ll(group));
    }
    *out = weights().add(std::make_shared<const PackedWeight>(pack_code_convolution(
        active_isa(), kernel, static_cast<const int8_t*>(codes), scales, scale_count)));
  });
}

int64_t dmt_weight_bytes(const dmt_weight* weight) {
  const std::shared_ptr<const PackedWeight> found = weights().find(weight);
  return found == nullptr ? 0 : found->bytes.get();
}

void dmt_weight_release(dmt_weight* weight) { weights().remove(weight); }
