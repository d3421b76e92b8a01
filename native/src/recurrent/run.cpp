#include "recurrent/run.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/error.h"
#include "norm/rows.h"
#include "recurrent/cell.h"

namespace demitasse {
namespace {

constexpr int64_t kCodesAlignment = 64;  // bytes: what QuantizedRows asks for

int64_t elements(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    fail(DMT_OUT_OF_MEMORY, "a recurrent layer's rows of %lld x %lld are too large",
         static_cast<long long>(a), static_cast<long long>(b));
  }
  return product;
}

// Rows of u8 codes with the memory that they take.
class Codes {
 public:
  Codes(int64_t rows, int64_t features)
      : features_(features),
        stride_((features + kCodesAlignment - 1) / kCodesAlignment * kCodesAlignment),
        codes_(elements(rows, stride_)),
        scales_(rows),
        zero_points_(rows) {}

  QuantizedRows quantize(Isa isa, const float* x, int64_t rows, const Executor& executor) const {
    const QuantizedRows q{codes_.data(), stride_, scales_.data(), zero_points_.data(), 1};
    quantize_rows(isa, x, features_, features_, rows, Requantize::dynamic_row, q, executor);
    return q;
  }

 private:
  const int64_t features_, stride_;
  const AlignedBuffer<uint8_t> codes_;
  const AlignedBuffer<float> scales_;
  const AlignedBuffer<int32_t> zero_points_;
};

// y = x * weight + bias, rows behind each other; x as codes where `codes` has room for them.
void multiply(Isa isa, const Weight& weight, const float* x, int64_t rows, const float* bias,
              const std::optional<Codes>& codes, float* y, const Executor& executor) {
  Epilogue epilogue;
  epilogue.bias = bias;
  epilogue.out = y;
  epilogue.out_stride = weight.n();
  if (codes) {
    weight.run(codes->quantize(isa, x, rows, executor), rows, epilogue, executor);
  } else {
    weight.run(x, weight.k(), rows, epilogue, executor);
  }
}

struct Run {
  Isa isa;
  const RecurrentLayer& layer;
  std::span<const RecurrentWeights> weights;
  const RecurrentTensors& tensors;
  bool quantizes;

  const float* bias(int64_t d, int64_t half) const {
    return tensors.bias == nullptr ? nullptr : tensors.bias + (d * 2 + half) * layer.width();
  }
};

// The products of all rows of x, with the biases: [rows as in x][width].
void multiply_inputs(const Run& run, int64_t d, float* products, const Executor& executor) {
  const RecurrentLayer& layer = run.layer;
  const int64_t rows = layer.steps * layer.batch, width = layer.width();
  std::vector<float> bias(width);
  if (run.tensors.bias != nullptr) {
    for (int64_t i = 0; i < width; ++i) {
      const bool apart = layer.linear_before_reset() && i >= 2 * layer.hidden;
      bias[i] = run.bias(d, 0)[i] + (apart ? 0 : run.bias(d, 1)[i]);
    }
  }
  if (run.weights[d].input == nullptr) {
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(bias.data(), width, products + row * width);
    }
  } else if (rows > 0) {
    std::optional<Codes> codes;
    if (run.quantizes) codes.emplace(rows, layer.inputs);
    multiply(run.isa, *run.weights[d].input, run.tensors.x, rows, bias.data(), codes, products,
             executor);
  }
}

// One direction of some samples over all their steps.
class Steps {
 public:
  Steps(const Run& run, int64_t direction, int64_t first, int64_t count, const float* products,
        const Executor& executor)
      : run_(run),
        layer_(run.layer),
        executor_(executor),
        direction_(direction),
        first_(first),
        count_(count),
        reversed_(layer_.direction == RecurrentDirection::reverse || direction == 1),
        products_(products),
        h_(count * layer_.hidden),
        c_(count * layer_.hidden),
        r_(elements(count, layer_.width())),
        reset_(layer_.kind == RecurrentKind::gru ? count * layer_.hidden : 0),
        candidate_(layer_.candidate_apart() ? count * layer_.hidden : 0) {
    if (run.quantizes) codes_.emplace(count, layer_.hidden);
    if (layer_.linear_before_reset() && run.tensors.bias == nullptr) {
      zeros_.assign(layer_.hidden, 0.0f);
    }
  }

  void run() {
    load_states();
    const RecurrentCell cell = this->cell();
    for (int64_t step = 0; step < layer_.steps; ++step) {
      multiply(run_.isa, *weights().recurrence, h_.data(), count_, nullptr, codes_, r_.data(),
               executor_);
      if (layer_.kind == RecurrentKind::gru) {
        gru(cell, step);
      } else {
        for_each_sample(step, [&](int64_t sample, const float* x) {
          if (layer_.kind == RecurrentKind::lstm) {
            cell.lstm(x, r(sample), h(sample), c(sample));
          } else {
            cell.rnn(x, r(sample), h(sample));
          }
        });
      }
      store_step(step);
    }
    store_states();
  }

 private:
  const RecurrentWeights& weights() const { return run_.weights[direction_]; }

  void gru(const RecurrentCell& cell, int64_t step) {
    for_each_sample(step, [&](int64_t sample, const float* x) {
      cell.gru_gates(x, r(sample), h(sample), reset(sample));
    });
    float* candidates = reset_.data();
    if (layer_.candidate_apart()) {
      multiply(run_.isa, *weights().candidate, reset_.data(), count_, nullptr, codes_,
               candidate_.data(), executor_);
      candidates = candidate_.data();
    }
    for_each_sample(step, [&](int64_t sample, const float* x) {
      cell.gru_state(x, r(sample), candidates + sample * layer_.hidden, h(sample));
    });
  }

  RecurrentCell cell() const {
    const float* peepholes = run_.tensors.peepholes;
    const float* bias = nullptr;
    if (layer_.linear_before_reset()) {
      bias = zeros_.empty() ? run_.bias(direction_, 1) + 2 * layer_.hidden : zeros_.data();
    }
    return {run_.isa, layer_, layer_.functions(direction_),
            peepholes == nullptr ? nullptr : peepholes + direction_ * 3 * layer_.hidden, bias};
  }

  // Calls body(sample, its products with w at this step) for the samples that have the step.
  template <class Body>
  void for_each_sample(int64_t step, Body&& body) const {
    for (int64_t sample = 0; sample < count_; ++sample) {
      if (step >= length(sample)) continue;
      const int64_t row = layer_.x_row(time(step, sample), first_ + sample);
      body(sample, products_ + row * layer_.width());
    }
  }

  float* h(int64_t sample) const { return h_.data() + sample * layer_.hidden; }
  float* c(int64_t sample) const { return c_.data() + sample * layer_.hidden; }
  float* r(int64_t sample) const { return r_.data() + sample * layer_.recurrent_width(); }
  float* reset(int64_t sample) const { return reset_.data() + sample * layer_.hidden; }

  int64_t length(int64_t sample) const {
    const int32_t* lengths = run_.tensors.lengths;
    if (lengths == nullptr) return layer_.steps;
    return std::clamp<int64_t>(lengths[first_ + sample], 0, layer_.steps);
  }

  int64_t time(int64_t step, int64_t sample) const {
    return reversed_ ? length(sample) - 1 - step : step;
  }

  void load_states() const {
    for (int64_t sample = 0; sample < count_; ++sample) {
      load(run_.tensors.initial_h, sample, h(sample));
      load(run_.tensors.initial_c, sample, c(sample));
      // A sample without steps has no state to reset, but its row is multiplied all the same.
      if (layer_.kind == RecurrentKind::gru) std::fill_n(reset(sample), layer_.hidden, 0.0f);
    }
  }

  void load(const float* initial, int64_t sample, float* state) const {
    if (initial == nullptr) {
      std::fill_n(state, layer_.hidden, 0.0f);
    } else {
      const int64_t row = layer_.state_row(direction_, first_ + sample);
      std::copy_n(initial + row * layer_.hidden, layer_.hidden, state);
    }
  }

  void store_step(int64_t step) const {
    float* y = run_.tensors.y;
    for (int64_t sample = 0; y != nullptr && sample < count_; ++sample) {
      if (step >= length(sample)) continue;
      const int64_t row = layer_.y_row(time(step, sample), direction_, first_ + sample);
      std::copy_n(h(sample), layer_.hidden, y + row * layer_.hidden);
    }
  }

  void store_states() const {
    const RecurrentTensors& tensors = run_.tensors;
    for (int64_t sample = 0; sample < count_; ++sample) {
      const int64_t at = layer_.state_row(direction_, first_ + sample) * layer_.hidden;
      if (tensors.last_h != nullptr) std::copy_n(h(sample), layer_.hidden, tensors.last_h + at);
      if (tensors.last_c != nullptr) std::copy_n(c(sample), layer_.hidden, tensors.last_c + at);
    }
  }

  const Run& run_;
  const RecurrentLayer& layer_;
  const Executor& executor_;
  const int64_t direction_, first_, count_;
  const bool reversed_;
  const float* products_;
  const AlignedBuffer<float> h_, c_;      // [count][hidden]
  const AlignedBuffer<float> r_;          // [count][recurrent width]
  const AlignedBuffer<float> reset_;      // GRU: [count][hidden]
  const AlignedBuffer<float> candidate_;  // GRU with a candidate apart: [count][hidden]
  std::optional<Codes> codes_;            // of the state
  std::vector<float> zeros_;              // in place of a bias
};

}  // namespace

void run_recurrent(Isa isa, const RecurrentLayer& layer, std::span<const RecurrentWeights> weights,
                   const RecurrentTensors& tensors, bool quantizes, const Executor& executor) {
  if (layer.batch == 0 || layer.hidden == 0) return;
  const int64_t rows = elements(layer.steps, layer.batch);
  if (tensors.y != nullptr && tensors.lengths != nullptr) {
    std::fill_n(tensors.y, elements(rows, layer.directions * layer.hidden), 0.0f);
  }
  const Run run{isa, layer, weights, tensors, quantizes};
  const int64_t size = elements(rows, layer.width());
  const AlignedBuffer<float> products(elements(size, layer.directions));
  for (int64_t d = 0; d < layer.directions; ++d) {
    multiply_inputs(run, d, products.data() + d * size, executor);
  }
  const auto steps = [&](int64_t d, int64_t first, int64_t count, const Executor& on) {
    Steps(run, d, first, count, products.data() + d * size, on).run();
  };
  // Threads that take samples through all their steps need not wait for each other at every step.
  const int64_t threads = executor.threads();
  if (threads > 1 && layer.directions * layer.batch >= threads) {
    const int64_t wanted = (threads + layer.directions - 1) / layer.directions;
    const int64_t samples = (layer.batch + wanted - 1) / wanted;
    const int64_t parts = (layer.batch + samples - 1) / samples;
    executor.parallel_for(layer.directions * parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task % parts * samples;
        steps(task / parts, first, std::min(samples, layer.batch - first), serial_executor());
      }
    });
    return;
  }
  for (int64_t d = 0; d < layer.directions; ++d) steps(d, 0, layer.batch, executor);
}

}  // namespace demitasse
