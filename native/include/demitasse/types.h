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
  DMT_BF16 = 16
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
  DMT_ACTIVATION_SIGMOID = 7
};

#ifdef __cplusplus
}
#endif
#endif
