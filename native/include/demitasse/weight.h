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

/* Weights in groups: every `group` consecutive k of a column share a scale, and perhaps a zero
 * point: w[i][j] = scales[i / group][j] * (code[i][j] - zero_points[i / group][j]).
 *
 * dtype of the codes: DMT_U2, DMT_S2, DMT_U4, DMT_S4 (packed, the first element in the low bits),
 * DMT_U8 or DMT_S8; strides are in elements. group: a multiple of 16 from 16 to 1024 (the last
 * group may be short), or k or more: one group, that is, per channel. scales: [groups][n] of
 * scale_dtype, DMT_F32 or DMT_F16, finite, of any sign. zero_points: NULL for zero, else
 * [groups][n] in the range of dtype. codebook: NULL, or 16 finite values that DMT_U4 codes stand
 * for, in place of code - zero_point (NormalFloat, k-means); zero_points is NULL then.
 *
 * With quantized x the sums of a group are exact integers; they are scaled and added in f32 in
 * ascending order. A codebook is rounded to 8 bits for that (at most 1/254 of its largest entry).
 * With f32 x the weights are w rounded to f32, those of a codebook exact. k <= 2^20. */
DMT_API int32_t dmt_weight_pack_grouped(int32_t dtype, const void* codes, int64_t codes_bytes,
                                        int64_t k, int64_t n, int64_t k_stride, int64_t n_stride,
                                        int64_t group, int32_t scale_dtype, const void* scales,
                                        int64_t scales_bytes, const int32_t* zero_points,
                                        const float* codebook, dmt_weight** out);

enum dmt_convolution {
  DMT_CONVOLUTION_CHANNELS_LAST = 0,
  DMT_CONVOLUTION_CHANNELS_FIRST = 1 /* the input is [N][C][H][W], of one group */
};

/* Kernels of convolutions. dims: [out_channels][in_channels / group][height][width] of the source,
 * which is f32 in that order; out_channels is a multiple of group. block (1 .. 64): more than 1
 * moves the results from depth to space while they are stored (ONNX DepthToSpace, mode DCR; Shi et
 * al. 2016), channel (i * block + j) * C + c of output pixel (h, w) to channel c of pixel (h *
 * block + i, w * block + j), C = out_channels / (block * block). It takes one group
 * (DMT_UNSUPPORTED otherwise) and a multiple of block * block output channels. Such a weight is for
 * dmt_program_convolution only. */
DMT_API int32_t dmt_weight_pack_convolution(const float* source, int64_t source_bytes,
                                            const int64_t* dims, int64_t group, int64_t block,
                                            int32_t kind, dmt_weight** out);

/* Binary weights: w[i][j] = scales[i / group][j] * (signs[i][j] ? 1 : -1), Rastegari et al. 2016.
 * signs: one bit for each element, element e = i * k_stride + j * n_stride in bit e % 8 of byte e /
 * 8 (that is how dmt_pack_signs packs). The other arguments are those of dmt_weight_pack_grouped.
 */
DMT_API int32_t dmt_weight_pack_binary(const void* signs, int64_t signs_bytes, int64_t k, int64_t n,
                                       int64_t k_stride, int64_t n_stride, int64_t group,
                                       int32_t scale_dtype, const void* scales,
                                       int64_t scales_bytes, dmt_weight** out);

/* dmt_weight_pack_convolution of s8 codes, w = scale * code, for dmt_program_code_convolution.
 * scales: scale_count values, 1 or out_channels, finite and not negative. in_channels / group *
 * height * width <= 65536; DMT_UNSUPPORTED otherwise. */
DMT_API int32_t dmt_weight_pack_code_convolution(const void* codes, int64_t codes_bytes,
                                                 const int64_t* dims, int64_t group, int64_t block,
                                                 const float* scales, int64_t scale_count,
                                                 dmt_weight** out);

/* Bytes that the packed form occupies; 0 for NULL. */
DMT_API int64_t dmt_weight_bytes(const dmt_weight* weight);

/* Gives up the caller's reference. NULL is allowed. Programs that use the weight keep their own. */
DMT_API void dmt_weight_release(dmt_weight* weight);

#ifdef __cplusplus
}
#endif
#endif
