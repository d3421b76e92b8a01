/* Element types, with the numbers ONNX gives them (TensorProto.DataType). */
#ifndef DEMITASSE_TYPES_H
#define DEMITASSE_TYPES_H

#include "demitasse/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum dmt_dtype {
  DMT_F32 = 1,
  DMT_U8 = 2,
  DMT_S8 = 3,
  DMT_U16 = 4,
  DMT_S16 = 5,
  DMT_S32 = 6,
  DMT_S64 = 7,
  DMT_BOOL = 9, /* one byte, 0 or 1 */
  DMT_F16 = 10,
  DMT_F64 = 11,
  DMT_U32 = 12,
  DMT_U64 = 13,
  DMT_BF16 = 16,
  /* Only Cast, QuantizeLinear, DequantizeLinear and operators that move whole bytes take these. */
  DMT_F8E4M3FN = 17,
  DMT_F8E4M3FNUZ = 18,
  DMT_F8E5M2 = 19,
  DMT_F8E5M2FNUZ = 20,
  DMT_U4 = 21, /* types of less than 8 bits: packed, the first element in the low bits */
  DMT_S4 = 22,
  DMT_F4E2M1 = 23,
  DMT_F8E8M0 = 24,
  DMT_U2 = 25,
  DMT_S2 = 26
};

enum { DMT_MAX_RANK = 8 };

/* Functions applied to a linear operator's result. */
enum dmt_activation {
  DMT_ACTIVATION_NONE = 0,
  DMT_ACTIVATION_RELU = 1,
  DMT_ACTIVATION_GELU_ERF = 2,
  DMT_ACTIVATION_GELU_TANH = 3,
  DMT_ACTIVATION_SILU = 4,
  DMT_ACTIVATION_HARD_SWISH = 5,
  DMT_ACTIVATION_TANH = 6,
  DMT_ACTIVATION_SIGMOID = 7,
  /* Of convolutions only, with parameters: */
  DMT_ACTIVATION_HARD_SIGMOID = 8, /* min(1, max(0, alpha x + beta)) */
  DMT_ACTIVATION_LEAKY_RELU = 9,   /* x < 0 ? alpha x : x */
  DMT_ACTIVATION_CLIP = 10         /* min(beta, max(alpha, x)) */
};

#ifdef __cplusplus
}
#endif
#endif
