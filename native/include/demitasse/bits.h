/* Codes of few bits, packed: code i occupies bits i * width .. i * width + width - 1 of the result,
 * counted from the lowest bit of the first byte; codes may cross bytes. For 1, 2 and 4 bits this is
 * ONNX's order. The last byte's rest is zero. Input and output must not overlap. All functions are
 * thread-safe and, for the same arguments, give the same bytes on every CPU. */
#ifndef DEMITASSE_BITS_H
#define DEMITASSE_BITS_H

#include "demitasse/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* width: 1 to 8. codes: `count` bytes, of which the low `width` bits are kept. packed_bytes: at
 * least (count * width + 7) / 8; what lies behind that stays as it is. */
DMT_API int32_t dmt_pack_codes(int32_t width, const uint8_t* codes, int64_t count, uint8_t* packed,
                               int64_t packed_bytes);

/* The reverse: `count` bytes. is_signed 1: codes are in two's complement and their sign is
 * extended; 0: the upper bits are zero. packed_bytes as above. */
DMT_API int32_t dmt_unpack_codes(int32_t width, int32_t is_signed, const uint8_t* packed,
                                 int64_t packed_bytes, int64_t count, uint8_t* codes);

/* Signs of floats, one bit each: 1 where x >= 0 (also -0), 0 where x < 0 or NaN. packed_bytes: at
 * least (count + 7) / 8. */
DMT_API int32_t dmt_pack_signs(const float* x, int64_t count, uint8_t* packed,
                               int64_t packed_bytes);

#ifdef __cplusplus
}
#endif
#endif
