#include "core/tensor_view.h"

namespace demitasse {

int64_t element_bytes(int32_t dtype) {
  switch (dtype) {
    case DMT_U8:
    case DMT_S8:
    case DMT_BOOL:
      return 1;
    case DMT_U16:
    case DMT_S16:
    case DMT_F16:
    case DMT_BF16:
      return 2;
    case DMT_F32:
    case DMT_S32:
    case DMT_U32:
      return 4;
    case DMT_F64:
    case DMT_S64:
    case DMT_U64:
      return 8;
    default:
      return 0;
  }
}

}  // namespace demitasse
