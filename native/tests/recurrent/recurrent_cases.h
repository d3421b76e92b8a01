// Recurrent layers with random contents, and what they compute in plain loops in double precision.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gemm/linear_cases.h"
#include "recurrent/run.h"

namespace demitasse::testing {

struct RecurrentCase {
  RecurrentKind kind = RecurrentKind::lstm;
  int64_t steps = 5, batch = 3, inputs = 7, hidden = 17;
  RecurrentDirection direction = RecurrentDirection::forward;
  int64_t variant = 0;
  bool batch_first = false, bias = true, lengths = false, initial = false, peepholes = false;
  float clip = INFINITY;
  std::vector<RecurrentFunction> functions;  // of a direction; empty: the usual ones
};

inline std::ostream& operator<<(std::ostream& out, const RecurrentCase& c) {
  static constexpr const char* kNames[] = {"RNN", "GRU", "LSTM"};
  return out << kNames[static_cast<int>(c.kind)] << " steps " << c.steps << " batch " << c.batch
             << " inputs " << c.inputs << " hidden " << c.hidden << " direction "
             << static_cast<int>(c.direction) << " variant " << c.variant
             << (c.batch_first ? " batch first" : "") << (c.bias ? "" : " without bias")
             << (c.lengths ? " lengths" : "") << (c.initial ? " initial" : "")
             << (c.peepholes ? " peepholes" : "") << " clip " << c.clip;
}

inline RecurrentLayer layer_of(const RecurrentCase& c) {
  RecurrentLayer layer;
  layer.kind = c.kind;
  layer.steps = c.steps;
  layer.batch = c.batch;
  layer.inputs = c.inputs;
  layer.hidden = c.hidden;
  layer.gates = c.kind == RecurrentKind::lstm ? 4 : c.kind == RecurrentKind::gru ? 3 : 1;
  layer.direction = c.direction;
  layer.directions = c.direction == RecurrentDirection::both ? 2 : 1;
  layer.batch_first = c.batch_first;
  layer.variant = c.variant;
  std::vector<RecurrentFunction> functions = c.functions;
  using enum RecurrentFunction;
  if (functions.empty() && c.kind == RecurrentKind::lstm) functions = {sigmoid, tanh, tanh};
  if (functions.empty() && c.kind == RecurrentKind::gru) functions = {sigmoid, tanh};
  if (functions.empty()) functions = {tanh};
  for (int64_t d = 0; d < layer.directions; ++d) {
    for (const RecurrentFunction function : functions) {
      layer.activations.push_back({function, 0.3f, 0.6f, c.clip});
    }
  }
  return layer;
}

struct RecurrentResults {
  std::vector<float> y, last_h, last_c;
};

// Inputs and weights of a case. w and r can be replaced by others before anything is computed.
class RecurrentData {
 public:
  explicit RecurrentData(const RecurrentCase& c) : layer(layer_of(c)), random_(c.hidden) {
    const int64_t d = layer.directions, width = layer.width();
    x = floats(c.steps * c.batch * c.inputs, 1);
    w = floats(d * width * c.inputs, 1 / std::sqrt(static_cast<float>(c.inputs + 1)));
    r = floats(d * width * c.hidden, 1.5f / std::sqrt(static_cast<float>(c.hidden)));
    if (c.bias) bias = floats(d * 2 * width, 0.3f);
    if (c.initial) initial_h = floats(d * c.batch * c.hidden, 0.9f);
    if (c.initial) initial_c = floats(d * c.batch * c.hidden, 0.9f);
    if (c.peepholes) peepholes = floats(d * 3 * c.hidden, 0.5f);
    // Empty, too long and negative ones among them.
    for (int64_t i = 0; c.lengths && i < c.batch; ++i) {
      lengths.push_back(static_cast<int32_t>((i * 3 + c.steps - 1) % (c.steps + 3)) - 1);
    }
  }

  // The state of every direction, sample and step, by the equations of the ONNX specification.
  RecurrentResults reference() const {
    RecurrentResults results = blank();
    std::fill(results.y.begin(), results.y.end(), 0.0f);
    for (int64_t d = 0; d < layer.directions; ++d) {
      for (int64_t sample = 0; sample < layer.batch; ++sample) walk(d, sample, results);
    }
    return results;
  }

  RecurrentResults run(Isa isa, std::span<const RecurrentWeights> weights, bool quantizes = false,
                       int threads = 1) const {
    RecurrentResults results = blank();
    const auto or_null = [](const auto& values) {
      return values.empty() ? nullptr : values.data();
    };
    RecurrentTensors tensors;
    tensors.x = x.data();
    tensors.bias = or_null(bias);
    tensors.lengths = or_null(lengths);
    tensors.initial_h = or_null(initial_h);
    tensors.initial_c = or_null(initial_c);
    tensors.peepholes = or_null(peepholes);
    tensors.y = results.y.data();
    tensors.last_h = results.last_h.data();
    tensors.last_c = results.last_c.data();
    run_recurrent(isa, layer, weights, tensors, quantizes, PoolExecutor(threads));
    return results;
  }

  // Packs w and r with pack(matrix, first row, rows, columns), rows counted over all directions.
  template <class Pack>
  std::vector<RecurrentWeights> pack(Pack&& pack_rows) const {
    std::vector<RecurrentWeights> weights;
    for (int64_t d = 0; d < layer.directions; ++d) {
      const int64_t first = d * layer.width();
      RecurrentWeights of;
      of.input = pack_rows(w, first, layer.width(), layer.inputs);
      of.recurrence = pack_rows(r, first, layer.recurrent_width(), layer.hidden);
      if (layer.candidate_apart()) {
        of.candidate = pack_rows(r, first + 2 * layer.hidden, layer.hidden, layer.hidden);
      }
      weights.push_back(of);
    }
    return weights;
  }

  std::vector<RecurrentWeights> pack_floats(Isa isa) const {
    return pack([&](const std::vector<float>& all, int64_t first, int64_t rows, int64_t k) {
      return pack_float_weight(isa, DMT_F32, all.data() + first * k, k, rows, 1, k);
    });
  }

  RecurrentLayer layer;
  std::vector<float> x, w, r, bias, initial_h, initial_c, peepholes;
  std::vector<int32_t> lengths;

 private:
  std::vector<float> floats(int64_t count, float range) {
    std::vector<float> values(count);
    for (float& value : values)
      value = range * static_cast<float>(random_.integer(-999, 999)) / 999;
    return values;
  }

  // Filled with what no result is, so that an element that is not written stands out.
  RecurrentResults blank() const {
    const int64_t state = layer.directions * layer.batch * layer.hidden;
    RecurrentResults results;
    results.y.assign(layer.steps * state, 77.0f);
    results.last_h.assign(state, 77.0f);
    results.last_c.assign(state, 77.0f);
    return results;
  }

  static double activated(const RecurrentActivation& a, double x, bool limited = true) {
    if (limited) x = std::clamp(x, -static_cast<double>(a.clip), static_cast<double>(a.clip));
    const double alpha = a.alpha, beta = a.beta;
    switch (a.function) {
      case RecurrentFunction::tanh:
        return std::tanh(x);
      case RecurrentFunction::sigmoid:
        return 1 / (1 + std::exp(-x));
      case RecurrentFunction::relu:
        return std::max(0.0, x);
      case RecurrentFunction::affine:
        return alpha * x + beta;
      case RecurrentFunction::leaky_relu:
        return x < 0 ? alpha * x : x;
      case RecurrentFunction::thresholded_relu:
        return x > alpha ? x : 0;
      case RecurrentFunction::scaled_tanh:
        return alpha * std::tanh(beta * x);
      case RecurrentFunction::hard_sigmoid:
        return std::clamp(alpha * x + beta, 0.0, 1.0);
      case RecurrentFunction::elu:
        return x < 0 ? alpha * (std::exp(x) - 1) : x;
      case RecurrentFunction::softsign:
        return x / (1 + std::abs(x));
      default:
        return std::log1p(std::exp(x));
    }
  }

  // sum_k v[k] m[row][k], row counted over all directions
  static double product(const std::vector<float>& m, int64_t row, const double* v, int64_t k) {
    double sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += v[i] * m[row * k + i];
    return sum;
  }

  void walk(int64_t d, int64_t sample, RecurrentResults& results) const {
    const int64_t n = layer.hidden, at = layer.state_row(d, sample) * n;
    std::vector<double> h(n, 0), c(n, 0);
    for (int64_t i = 0; i < n && !initial_h.empty(); ++i) h[i] = initial_h[at + i];
    for (int64_t i = 0; i < n && !initial_c.empty(); ++i) c[i] = initial_c[at + i];
    const int64_t length =
        lengths.empty() ? layer.steps : std::clamp<int64_t>(lengths[sample], 0, layer.steps);
    const bool reversed = d == 1 || layer.direction == RecurrentDirection::reverse;
    for (int64_t step = 0; step < length; ++step) {
      const int64_t time = reversed ? length - 1 - step : step;
      advance(d, layer.x_row(time, sample), h, c);
      const int64_t row = layer.y_row(time, d, sample) * n;
      for (int64_t i = 0; i < n; ++i) results.y[row + i] = static_cast<float>(h[i]);
    }
    for (int64_t i = 0; i < n; ++i) {
      results.last_h[at + i] = static_cast<float>(h[i]);
      results.last_c[at + i] = static_cast<float>(c[i]);
    }
  }

  void advance(int64_t d, int64_t x_row, std::vector<double>& h, std::vector<double>& c) const {
    const int64_t n = layer.hidden, width = layer.width();
    const RecurrentActivation* f = layer.functions(d);
    const std::vector<double> v(x.begin() + x_row * layer.inputs,
                                x.begin() + (x_row + 1) * layer.inputs);
    const auto bias_at = [&](int64_t half, int64_t row) -> double {
      return bias.empty() ? 0 : bias[(d * 2 + half) * width + row];
    };
    const auto of_x = [&](int64_t gate, int64_t i) {
      const int64_t row = gate * n + i;
      return product(w, d * width + row, v.data(), layer.inputs) + bias_at(0, row);
    };
    const auto of_state = [&](int64_t gate, int64_t i, const std::vector<double>& state) {
      const int64_t row = gate * n + i;
      return product(r, d * width + row, state.data(), n) + bias_at(1, row);
    };
    const std::vector<double> before = h, cell = c;
    std::vector<double> reset(n), z(n);
    for (int64_t i = 0; i < n && layer.kind == RecurrentKind::gru; ++i) {
      z[i] = activated(f[0], of_x(0, i) + of_state(0, i, before));
      const double gate = activated(f[0], of_x(1, i) + of_state(1, i, before));
      reset[i] = layer.variant != 0 ? gate * of_state(2, i, before) : gate * before[i];
    }
    for (int64_t i = 0; i < n; ++i) {
      if (layer.kind == RecurrentKind::rnn) {
        h[i] = activated(f[0], of_x(0, i) + of_state(0, i, before));
      } else if (layer.kind == RecurrentKind::gru) {
        const double from_state = layer.variant != 0 ? reset[i] : of_state(2, i, reset);
        h[i] = (1 - z[i]) * activated(f[1], of_x(2, i) + from_state) + z[i] * before[i];
      } else {
        const auto peephole = [&](int64_t which, double state) {
          return peepholes.empty() ? 0 : peepholes[(d * 3 + which) * n + i] * state;
        };
        const double in =
            activated(f[0], of_x(0, i) + of_state(0, i, before) + peephole(0, cell[i]));
        const double forget =
            layer.variant != 0
                ? 1 - in
                : activated(f[0], of_x(2, i) + of_state(2, i, before) + peephole(2, cell[i]));
        c[i] = forget * cell[i] + in * activated(f[1], of_x(3, i) + of_state(3, i, before));
        const double out = activated(f[0], of_x(1, i) + of_state(1, i, before) + peephole(1, c[i]));
        h[i] = out * activated(f[2], c[i], false);
      }
    }
  }

  Random random_;
};

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return largest;
}

inline double largest_difference(const RecurrentResults& a, const RecurrentResults& b, bool cells) {
  return std::max({largest_difference(a.y, b.y), largest_difference(a.last_h, b.last_h),
                   cells ? largest_difference(a.last_c, b.last_c) : 0.0});
}

// All kinds, directions, layouts and options, with sizes around vectors and panels.
inline std::vector<RecurrentCase> recurrent_cases() {
  std::vector<RecurrentCase> cases;
  using enum RecurrentDirection;
  for (const RecurrentKind kind : {RecurrentKind::rnn, RecurrentKind::gru, RecurrentKind::lstm}) {
    for (const RecurrentDirection direction : {forward, reverse, both}) {
      for (const bool lengths : {false, true}) {
        for (const int64_t variant : {0, 1}) {
          RecurrentCase c;
          c.kind = kind;
          c.direction = direction;
          c.lengths = c.initial = lengths;
          c.batch_first = variant == 1;
          c.variant = variant;
          cases.push_back(c);
          c.peepholes = kind == RecurrentKind::lstm;
          c.bias = false;
          c.clip = 0.7f;
          c.batch = 5;
          cases.push_back(c);
        }
      }
    }
    for (const int64_t hidden : {1, 2, 15, 16, 33, 48, 65}) {
      RecurrentCase c;
      c.kind = kind;
      c.hidden = hidden;
      c.inputs = hidden % 5 + 1;
      c.batch = hidden % 3 + 1;
      c.steps = 9;
      cases.push_back(c);
    }
    for (int function = 0; function < static_cast<int>(RecurrentFunction::count); ++function) {
      RecurrentCase c;
      c.kind = kind;
      const auto f = static_cast<RecurrentFunction>(function);
      c.functions = {f, RecurrentFunction::softsign, f};
      c.functions.resize(kind == RecurrentKind::lstm ? 3 : kind == RecurrentKind::gru ? 2 : 1);
      c.clip = 0.9f;
      c.steps = 3;
      cases.push_back(c);
    }
    RecurrentCase none;
    none.kind = kind;
    none.steps = 0;
    none.initial = true;
    cases.push_back(none);
  }
  return cases;
}

}  // namespace demitasse::testing
