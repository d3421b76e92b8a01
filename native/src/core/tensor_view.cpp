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

}  // namespace demitasse
