/* Packed weights of the linear operator  y[m][n] = sum_k x[m][k] * w[k][n].
 *
 * A packed weight is an opaque, immutable, reference-counted handle made from a logical encoding
 * for the instruction set in use. It may be used by any number of programs and threads. Element (k,
 * n) of the source is read at source[k * k_stride + n * n_stride] (strides in elements, both
 * positive), so that [K][N] and [N][K] layouts are both taken as they are. The source is not kept.
 */
#ifndef DEMITASSE_WEIGHT_H
#define DEMITASSE_WEIGHT_H

#include "demitasse/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dmt_weight dmt_weight;

/* Floating weights. dtype says what the source holds (DMT_F32, DMT_F16, DMT_BF16) and so what is
 * kept. */
DMT_API int32_t dmt_weight_pack_float(int32_t dtype, const void* source, int64_t source_bytes,
                                      int64_t k, int64_t n, int64_t k_stride, int64_t n_stride,
                                      dmt_weight** out);

/* INT8 weights: w = scale * (code - zero_point). dtype is DMT_S8 or DMT_U8 (remapped to signed,
 * exactly). scales: scale_count values, 1 (per tensor) or n (per channel); finite and not negative.
 * zero_points: NULL for zero, else scale_count values in the range of dtype.
 * k <= 65536, and 255 * sum_k |code - zero_point| < 2^31 for each n (always so up to k = 33025);
 * DMT_UNSUPPORTED otherwise. */
DMT_API int32_t dmt_weight_pack_int8(int32_t dtype, const void* source, int64_t source_bytes,
                                     int64_t k, int64_t n, int64_t k_stride, int64_t n_stride,
                                     const float* scales, const int32_t* zero_points,
                                     int64_t scale_count, dmt_weight** out);

/* Bytes that the packed form occupies; 0 for NULL. */
DMT_API int64_t dmt_weight_bytes(const dmt_weight* weight);

/* Gives up the caller's reference. NULL is allowed. Programs that use the weight keep their own. */
DMT_API void dmt_weight_release(dmt_weight* weight);

#ifdef __cplusplus
}
#endif
#endif
