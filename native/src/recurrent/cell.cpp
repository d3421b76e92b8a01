#include "recurrent/cell.h"

namespace demitasse {
namespace {

void add(const float* x, float* r, int64_t n) {
  for (int64_t i = 0; i < n; ++i) r[i] += x[i];
}

void add_product(const float* a, const float* b, float* r, int64_t n) {
  for (int64_t i = 0; i < n; ++i) r[i] += a[i] * b[i];
}

}  // namespace

void RecurrentCell::rnn(const float* x, float* r, float* h) const {
  const int64_t n = layer.hidden;
  for (int64_t i = 0; i < n; ++i) h[i] = x[i] + r[i];
  apply(isa, functions[0], h, n);
}

void RecurrentCell::lstm(const float* x, float* r, float* h, float* c) const {
  const int64_t n = layer.hidden;
  const bool coupled = layer.variant != 0;
  float *const in = r, *const out = r + n, *const forget = r + 2 * n, *const candidate = r + 3 * n;
  add(x, r, 4 * n);
  if (peepholes == nullptr) {
    apply(isa, functions[0], r, coupled ? 2 * n : 3 * n);
  } else {
    add_product(peepholes, c, in, n);
    apply(isa, functions[0], in, n);
    if (!coupled) {
      add_product(peepholes + 2 * n, c, forget, n);
      apply(isa, functions[0], forget, n);
    }
  }
  if (coupled) {
    for (int64_t i = 0; i < n; ++i) forget[i] = 1 - in[i];
  }
  apply(isa, functions[1], candidate, n);
  for (int64_t i = 0; i < n; ++i) c[i] = forget[i] * c[i] + in[i] * candidate[i];
  if (peepholes != nullptr) {
    add_product(peepholes + n, c, out, n);
    apply(isa, functions[0], out, n);
  }
  for (int64_t i = 0; i < n; ++i) h[i] = c[i];
  RecurrentActivation last = functions[2];
  last.clip = INFINITY;  // the state itself is not limited
  apply(isa, last, h, n);
  for (int64_t i = 0; i < n; ++i) h[i] *= out[i];
}

void RecurrentCell::gru_gates(const float* x, float* r, const float* h, float* reset) const {
  const int64_t n = layer.hidden;
  add(x, r, 2 * n);
  apply(isa, functions[0], r, 2 * n);
  const float* const gate = r + n;
  if (recurrent_bias == nullptr) {
    for (int64_t i = 0; i < n; ++i) reset[i] = gate[i] * h[i];
  } else {
    for (int64_t i = 0; i < n; ++i) reset[i] = gate[i] * (r[2 * n + i] + recurrent_bias[i]);
  }
}

void RecurrentCell::gru_state(const float* x, const float* z, float* candidate, float* h) const {
  const int64_t n = layer.hidden;
  add(x + 2 * n, candidate, n);
  apply(isa, functions[1], candidate, n);
  for (int64_t i = 0; i < n; ++i) h[i] = (1 - z[i]) * candidate[i] + z[i] * h[i];
}

}  // namespace demitasse
