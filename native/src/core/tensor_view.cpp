#include "core/tensor_view.h"

namespace demitasse {

int64_t element_bytes(int32_t dtype) { return element_bits(dtype) / 8; }

int32_t element_bits(int32_t dtype) {
  switch (dtype) {
    case DMT_U2:
    case DMT_S2:
      return 2;
    case DMT_U4:
    case DMT_S4:
    case DMT_F4E2M1:
      return 4;
    case DMT_U8:
    case DMT_S8:
    case DMT_BOOL:
    case DMT_F8E4M3FN:
    case DMT_F8E4M3FNUZ:
    case DMT_F8E5M2:
    case DMT_F8E5M2FNUZ:
    case DMT_F8E8M0:
      return 8;
    case DMT_U16:
    case DMT_S16:
    case DMT_F16:
    case DMT_BF16:
      return 16;
    case DMT_F32:
    case DMT_S32:
    case DMT_U32:
      return 32;
    case DMT_F64:
    case DMT_S64:
    case DMT_U64:
      return 64;
    default:
      return 0;
  }
}

const char* dtype_name(int32_t dtype) {
  switch (dtype) {
    case DMT_F32:
      return "float32";
    case DMT_U8:
      return "uint8";
    case DMT_S8:
      return "int8";
    case DMT_U16:
      return "uint16";
    case DMT_S16:
      return "int16";
    case DMT_S32:
      return "int32";
    case DMT_S64:
      return "int64";
    case DMT_BOOL:
      return "bool";
    case DMT_F16:
      return "float16";
    case DMT_F64:
      return "float64";
    case DMT_U32:
      return "uint32";
    case DMT_U64:
      return "uint64";
    case DMT_BF16:
      return "bfloat16";
    case DMT_F8E4M3FN:
      return "float8e4m3fn";
    case DMT_F8E4M3FNUZ:
      return "float8e4m3fnuz";
    case DMT_F8E5M2:
      return "float8e5m2";
    case DMT_F8E5M2FNUZ:
      return "float8e5m2fnuz";
    case DMT_U4:
      return "uint4";
    case DMT_S4:
      return "int4";
    case DMT_F4E2M1:
      return "float4e2m1";
    case DMT_F8E8M0:
      return "float8e8m0";
    case DMT_U2:
      return "uint2";
    case DMT_S2:
      return "int2";
    default:
      return "?";
  }
}

}  // namespace demitasse
