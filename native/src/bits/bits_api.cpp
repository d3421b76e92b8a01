// The C ABI of bit packing.
#include "bits/bits.h"
#include "core/error.h"
#include "demitasse/bits.h"
#include "program/value.h"

namespace demitasse {
namespace {

void check(int32_t width, const void* from, int64_t count, const void* to, int64_t packed_bytes) {
  if (width < 1 || width > 8) fail(DMT_INVALID_ARGUMENT, "bits: width %d, wanted 1 to 8", width);
  if (count < 0 || count > kMaxBytes) {
    fail(DMT_INVALID_ARGUMENT, "bits: %lld codes", ll(count));
  }
  const int64_t needed = (count * width + 7) / 8;
  if (packed_bytes < needed) {
    fail(DMT_INVALID_ARGUMENT, "bits: %lld codes of %d bits take %lld bytes, there are %lld",
         ll(count), width, ll(needed), ll(packed_bytes));
  }
  if (count > 0 && (from == nullptr || to == nullptr)) {
    fail(DMT_INVALID_ARGUMENT, "bits: a pointer is NULL");
  }
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_pack_codes(int32_t width, const uint8_t* codes, int64_t count, uint8_t* packed,
                       int64_t packed_bytes) {
  return guarded([&] {
    check(width, codes, count, packed, packed_bytes);
    bit_kernels(active_isa()).pack(width, codes, count, packed);
  });
}

int32_t dmt_unpack_codes(int32_t width, int32_t is_signed, const uint8_t* packed,
                         int64_t packed_bytes, int64_t count, uint8_t* codes) {
  return guarded([&] {
    check(width, packed, count, codes, packed_bytes);
    bit_kernels(active_isa()).unpack(width, is_signed != 0, packed, count, codes);
  });
}

int32_t dmt_pack_signs(const float* x, int64_t count, uint8_t* packed, int64_t packed_bytes) {
  return guarded([&] {
    check(1, x, count, packed, packed_bytes);
    bit_kernels(active_isa()).pack_signs(x, count, packed);
  });
}
