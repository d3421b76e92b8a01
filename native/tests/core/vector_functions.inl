#include "core/vector_loops.inl"
#include "core/vector_math.inl"

namespace {

template <class Function>
inline void map(const float* x, float* y, int64_t n, Function function) {
  for_each_vector(
      n, [=](int64_t i, auto lanes) { store(y + i, function(load(x + i, lanes)), lanes); });
}

void exp_all(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Floats v) { return exp(v); });
}
void erf_all(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Floats v) { return erf(v); });
}
void tanh_all(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Floats v) { return tanh(v); });
}

}  // namespace
