// Elementary functions for float_rows.h; for inclusion inside an ISA namespace.
#include "core/vector_loops.inl"
#include "core/vector_math.inl"

namespace {

void exp_row(const float* x, float* y, int64_t n, float, float) {
  for_each_vector(n, [=](int64_t i, auto lanes) { store(y + i, exp(load(x + i, lanes)), lanes); });
}

void erf_row(const float* x, float* y, int64_t n, float, float) {
  for_each_vector(n, [=](int64_t i, auto lanes) { store(y + i, erf(load(x + i, lanes)), lanes); });
}

}  // namespace
