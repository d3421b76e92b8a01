#include "ops/float_rows.h"

namespace demitasse {

const FloatRows& float_rows(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return float_rows_avx512;
    case Isa::avx2:
      return float_rows_avx2;
    default:
      return float_rows_scalar;
  }
}

}  // namespace demitasse
