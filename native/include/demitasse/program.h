/* Programs: a network lowered to a flat list of fused operations over a preplanned arena.
 *
 * Building (one thread): create, declare values, add operations in execution order, mark inputs and
 * outputs, finish. Running (any number of threads at once): one call per inference.
 *
 * Values. A value has an element type and a row kind:
 *   DMT_ROWS_STATIC     dims is the complete shape;
 *   DMT_ROWS_TOKENS     dims is the shape of one row, there is one row per token; a run says how
 * many; DMT_ROWS_SEQUENCES  dims is the shape of one row, there is one row per sequence. In memory
 * a value of the last two kinds is [rows][dims...], contiguous: sequences of different lengths lie
 * behind each other without padding. Operations see the shape with the row count in front.
 *
 * A quantized value holds u8 codes of a [rows][features] matrix together with their scale and zero
 * point, x = scale * (code - zero_point), chosen per row or per tensor from the data, or static.
 *
 * Scheduling. When a program was finished as separable (no operation looks across sequences), a run
 * with several sequences is cut into groups of sequences, each group goes through all operations on
 * one thread while its activations stay in that core's cache. Otherwise each operation is split
 * over the threads. Results do not depend on the number of threads nor on the grouping. */
#ifndef DEMITASSE_PROGRAM_H
#define DEMITASSE_PROGRAM_H

#include "demitasse/types.h"
#include "demitasse/weight.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dmt_program dmt_program;

enum dmt_rows { DMT_ROWS_STATIC = 0, DMT_ROWS_TOKENS = 1, DMT_ROWS_SEQUENCES = 2 };

enum dmt_quantization {
  DMT_QUANTIZATION_DYNAMIC_ROW = 0,    /* asymmetric, range of each row, widened to include 0 */
  DMT_QUANTIZATION_DYNAMIC_TENSOR = 1, /* the same over the whole tensor (ONNX
                                          DynamicQuantizeLinear); such a program is not separable */
  DMT_QUANTIZATION_STATIC = 2          /* scale and zero point given */
};

DMT_API int32_t dmt_program_create(dmt_program** out);
DMT_API void dmt_program_release(dmt_program* program);

/* ---- values: each call stores the new value's id in *id ---- */

DMT_API int32_t dmt_program_value(dmt_program* program, int32_t dtype, int32_t rows,
                                  const int64_t* dims, int32_t rank, int32_t* id);

/* A static value whose data is given now. With copy = 0 the memory must outlive the program. */
DMT_API int32_t dmt_program_constant(dmt_program* program, int32_t dtype, const int64_t* dims,
                                     int32_t rank, const void* data, int64_t bytes, int32_t copy,
                                     int32_t* id);

/* rows of `features` codes. scale and zero_point (0..255) matter for DMT_QUANTIZATION_STATIC only.
 * For DMT_ROWS_STATIC, static_rows is the number of rows. */
DMT_API int32_t dmt_program_quantized_value(dmt_program* program, int32_t rows, int64_t static_rows,
                                            int64_t features, int32_t mode, float scale,
                                            int32_t zero_point, int32_t* id);

/* The same memory under another shape of equally many elements per row. */
DMT_API int32_t dmt_program_alias(dmt_program* program, int32_t source, int32_t rows,
                                  const int64_t* dims, int32_t rank, int32_t* id);

/* Inputs and outputs are bound by a run in the order of these calls. */
DMT_API int32_t dmt_program_input(dmt_program* program, int32_t value);
DMT_API int32_t dmt_program_output(dmt_program* program, int32_t value);

/* ---- operations: an output id of -1 means "not wanted" where the text says so ---- */

/* y = activation(x * weight + bias) + residual.
 * x: f32 value [.., k], or quantized value of k features (INT8 weights only; f32 x with INT8
 * weights is computed with the dequantized weights). bias: n floats, copied, or NULL. residual: f32
 * value shaped like the result, or -1. y: f32 value [.., n], or quantized value of n features
 * (requantized in the epilogue). heads > 0: y (f32) is scattered to [heads][rows][n / heads]. */
DMT_API int32_t dmt_program_linear(dmt_program* program, int32_t x, const dmt_weight* weight,
                                   const float* bias, int32_t activation, int32_t residual,
                                   int32_t heads, int32_t y);

/* Convolution on channels-last values (ONNX Conv):
 *   y = scale * activation(x * weight + bias) + shift + residual, or with residual_first = 1:
 *   y = scale * activation(x * weight + bias + residual) + shift.
 * x: static f32 [N][H][W][C] (or [N][C][H][W], as the weight was packed), C = group * in_channels.
 * y: static f32 [N][OH][OW][out_channels]; input outside of x is zero, so the size of y says what
 * padding there is at the bottom and at the right. With the weight's block, y is
 * [N][OH * block][OW * block][out_channels / (block * block)]. geometry: stride_h, stride_w (1 and
 * more), pad_top, pad_left (0 and more), dilation_h, dilation_w (1 and more), each at most 2^31.
 * bias: out_channels floats, copied, or NULL. parameters: alpha and beta of the activations that
 * have them (a leaky ReLU's is finite), scale, shift. residual: f32 value shaped like y, or -1. */
DMT_API int32_t dmt_program_convolution(dmt_program* program, int32_t x, const dmt_weight* weight,
                                        const int64_t* geometry, const float* bias,
                                        int32_t activation, const float* parameters,
                                        int32_t residual, int32_t residual_first, int32_t y);

/* Rows of signs are s64 values [.., words] of 64 features a word, the first in the lowest bit: 1 is
 * +1, 0 is -1. A row has features / 64 words, rounded up; the last one's unused bits are 0.
 *
 * y = signs of x: x f32 [.., features], y s64. +1 where x >= 0, -1 elsewhere and for NaN. */
DMT_API int32_t dmt_program_binarize(dmt_program* program, int32_t x, int32_t y);

/* Rows of signs times a binary weight that has one scale per channel. Without thresholds:
 *   y = activation(x * weight + bias), f32 [.., n]; bias: n floats, copied, or NULL.
 * With thresholds (n integers, copied; bias is NULL, activation none), y is s64 and
 *   y = +1 where sum_k x[k] * sign(w[k][n]) >= thresholds[n], else -1
 * which is the next layer's x: scale, bias and normalization fold into the thresholds. */
DMT_API int32_t dmt_program_binary_linear(dmt_program* program, int32_t x, const dmt_weight* weight,
                                          const float* bias, int32_t activation,
                                          const int32_t* thresholds, int32_t y);

/* dmt_program_convolution of u8 codes, x = x_scale * (code - x_zero_point), with a weight from
 * dmt_weight_pack_code_convolution. x: static u8 [N][H][W][C]. y: static f32, or u8 codes with
 * y_scale and y_zero_point, saturated; then the activation is one without exponentials. */
DMT_API int32_t dmt_program_code_convolution(dmt_program* program, int32_t x, float x_scale,
                                             int32_t x_zero_point, const dmt_weight* weight,
                                             const int64_t* geometry, const float* bias,
                                             int32_t activation, const float* parameters,
                                             int32_t residual, int32_t residual_first, int32_t y,
                                             float y_scale, int32_t y_zero_point);

/* q = quantize(x): x f32 [.., features]; q quantized value of the same rows. */
DMT_API int32_t dmt_program_quantize(dmt_program* program, int32_t x, int32_t q);

/* Layer normalization over the last dimension of s = x + residual:
 *   y = (s - mean(s)) / sqrt(var(s) + epsilon) * gamma + beta        (Ba, Kiros, Hinton 2016)
 * with rms = 1: y = s / sqrt(mean(s^2) + epsilon) * gamma + beta. gamma, beta: `features` floats,
 * copied; beta may be NULL. residual, sum (receives s), y (f32), q (quantized y): -1 where not
 * wanted; y or q is needed. */
DMT_API int32_t dmt_program_layer_norm(dmt_program* program, int32_t x, int32_t residual,
                                       const float* gamma, const float* beta, int64_t features,
                                       float epsilon, int32_t rms, int32_t sum, int32_t y,
                                       int32_t q);

/* Scaled dot-product attention for each sequence and head:
 *   y = softmax(scale * q k^T + mask) v                               (Vaswani et al. 2017)
 * q, k, v: f32 values of `heads * head_dim` features per token, each starting at a column offset of
 * its value's row (q, k and v may be the same value: a merged QKV). mask: f32, one additive number
 * per key token, or -1. causal = 1: key j is seen by query i only if j <= i. y: f32 [.., heads *
 * head_dim] or quantized value. For DMT_ROWS_STATIC values, sequence_length divides the rows into
 * sequences; otherwise the run says. */
DMT_API int32_t dmt_program_attention(dmt_program* program, int32_t q, int64_t q_column, int32_t k,
                                      int64_t k_column, int32_t v, int64_t v_column, int32_t mask,
                                      int64_t heads, int64_t head_dim, float scale, int32_t causal,
                                      int64_t sequence_length, int32_t y);

/* y = (accumulate ? y : 0) + table[index]. indices: s64 or s32 value, one per row; -1: the token's
 * position in its sequence (sequence_length as above). table: constant [entries][features] of f32,
 * f16 or bf16; or of s8 or u8 with row_scales (one per entry, or a single one: scale_count says)
 * and row_zero_points (NULL: zero), both copied. An index outside -entries..entries-1 makes the run
 * fail and names it. y: f32 [.., features]. name is used in that message. */
DMT_API int32_t dmt_program_embedding(dmt_program* program, const char* name, int32_t indices,
                                      int32_t table, const float* row_scales,
                                      const int32_t* row_zero_points, int64_t scale_count,
                                      int64_t sequence_length, int32_t accumulate, int32_t y);

enum dmt_pooling { DMT_POOLING_MEAN = 0, DMT_POOLING_MAX = 1, DMT_POOLING_FIRST = 2 };

/* One row per sequence from its token rows. x: f32 [.., features]. mask: f32 or s64, one number per
 * token (mean: weight; max: skipped where 0), or -1. normalize = 1: the result is divided by its L2
 * norm (at least 1e-12). y: f32, rows DMT_ROWS_SEQUENCES (or static [sequences][features]). */
DMT_API int32_t dmt_program_pooling(dmt_program* program, int32_t x, int32_t mask, int32_t pooling,
                                    int32_t normalize, int64_t sequence_length, int32_t y);

/* A recurrent layer with packed weights: name is RNN, GRU or LSTM, with ONNX's semantics and the
 * integers and floats that dmt_program_operator takes for it (native/src/ops/README.md).
 *
 * inputs: 8 values: x, -1, -1, bias, lengths (s32), initial h, initial c, peepholes; all but x may
 * be -1. outputs: 3 values: y, last h, last c, -1 where not wanted. All are static and f32 but for
 * the lengths, shaped as ONNX says. weights: for each direction the handles of the input's weight
 * [inputs x gates * hidden] and of the recurrence's [hidden x gates * hidden]; for a GRU that is
 * not linear before the reset the latter has the first two gates only, and a third one [hidden x
 * hidden] follows. Any encoding will do. quantize = 1: rows of x and of the state are quantized to
 * u8, each with a scale and zero point of its own, and multiplied as integers, which the weights
 * must be. */
DMT_API int32_t dmt_program_recurrent(dmt_program* program, const char* name, const int32_t* inputs,
                                      int32_t input_count, const int64_t* weights,
                                      int32_t weight_count, const int32_t* outputs,
                                      int32_t output_count, const int64_t* integers,
                                      int32_t integer_count, const double* floats,
                                      int32_t float_count, int32_t quantize);

/* Any other operator, by name: see native/src/ops/README.md for the list, with the meaning of
 * integers and floats for each. ONNX names and semantics; inputs of different shapes broadcast as
 * in ONNX. */
DMT_API int32_t dmt_program_operator(dmt_program* program, const char* name, const int32_t* inputs,
                                     int32_t input_count, const int32_t* outputs,
                                     int32_t output_count, const int64_t* integers,
                                     int32_t integer_count, const double* floats,
                                     int32_t float_count);

/* Ends building. separable = 1: the caller states that sequences are independent of each other. */
DMT_API int32_t dmt_program_finish(dmt_program* program, int32_t separable);

/* ---- running ---- */

/* sequence_offsets: sequences + 1 token row numbers, ascending from 0. For a program of static
 * values NULL, and sequences says how many runs this is (0: one), each with the next piece of all
 * inputs and outputs; they are spread over the threads. inputs, outputs: addresses of the bound
 * memory, with its sizes in bytes, which must be exactly the values' sizes. threads: at most this
 * many (0: all). Thread-safe; the caller's thread always works. */
DMT_API int32_t dmt_program_run(dmt_program* program, int64_t sequences,
                                const int64_t* sequence_offsets, const int64_t* inputs,
                                const int64_t* input_bytes, int32_t input_count,
                                const int64_t* outputs, const int64_t* output_bytes,
                                int32_t output_count, int32_t threads);

/* Bytes of scratch memory that the program keeps for reuse by its next run. */
DMT_API int64_t dmt_program_arena_bytes(const dmt_program* program);

/* One operator at once on plain contiguous memory, through the same registry as
 * dmt_program_operator. For tensor i of inputs: dtypes[i], ranks[i], and its dims at dims[sum of
 * earlier ranks]; then the outputs likewise, in the same arrays. addresses in the same order,
 * multiples of the element size; no output may overlap another tensor. An absent optional input has
 * dtype 0 and rank 0. */
DMT_API int32_t dmt_operator_run(const char* name, const int32_t* dtypes, const int32_t* ranks,
                                 const int64_t* dims, const int64_t* addresses,
                                 const int64_t* bytes, int32_t input_count, int32_t output_count,
                                 const int64_t* integers, int32_t integer_count,
                                 const double* floats, int32_t float_count, int32_t threads);

/* 1 when `name` is a registered operator. */
DMT_API int32_t dmt_operator_exists(const char* name);

#ifdef __cplusplus
}
#endif
#endif
