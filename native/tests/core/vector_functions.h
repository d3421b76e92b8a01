// core/vector_math.inl as plain functions, for the test.
#pragma once

#include <cstdint>

namespace demitasse {

struct VectorFunctions {
  void (*exp)(const float* x, float* y, int64_t n);
  void (*erf)(const float* x, float* y, int64_t n);
  void (*tanh)(const float* x, float* y, int64_t n);
};

extern const VectorFunctions vector_functions_avx2;
extern const VectorFunctions vector_functions_avx512;

}  // namespace demitasse
