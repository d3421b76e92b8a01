// Recurrent layers: RNN, LSTM (Hochreiter, Schmidhuber 1997) and GRU (Cho et al. 2014).
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/error.h"
#include "cpu/isa.h"
#include "gemm/linear.h"
#include "ops/arguments.h"
#include "ops/float_values.h"
#include "ops/registry.h"

namespace demitasse {
namespace {

enum Function {
  kTanh = 0,
  kSigmoid = 1,
  kRelu = 2,
  kAffine = 3,
  kLeakyRelu = 4,
  kThresholdedRelu = 5,
  kScaledTanh = 6,
  kHardSigmoid = 7,
  kElu = 8,
  kSoftsign = 9,
  kSoftplus = 10
};

struct Activation {
  int64_t function = kTanh;
  float alpha = 0, beta = 0;
  float clip = INFINITY;  // of the argument

  float operator()(float x) const {
    x = x > clip ? clip : x < -clip ? -clip : x;
    switch (function) {
      case kTanh:
        return std::tanh(x);
      case kSigmoid:
        return 1 / (1 + std::exp(-x));
      case kRelu:
        return x < 0 ? 0 : x;
      case kAffine:
        return alpha * x + beta;
      case kLeakyRelu:
        return x < 0 ? alpha * x : x;
      case kThresholdedRelu:
        return x > alpha ? x : 0;
      case kScaledTanh:
        return alpha * std::tanh(beta * x);
      case kHardSigmoid: {
        const float y = alpha * x + beta;
        return y < 0 ? 0 : y > 1 ? 1 : y;
      }
      case kElu:
        return x < 0 ? alpha * (std::exp(x) - 1) : x;
      case kSoftsign:
        return x / (1 + std::abs(x));
      default:
        return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    }
  }
};

enum Direction { kForward = 0, kReverse = 1, kBidirectional = 2 };

// inputs: x, w, r, bias, lengths, initial h, initial c, peepholes; outputs: y, last h, last c.
enum Input { kX, kW, kR, kBias, kLengths, kInitialH, kInitialC, kPeepholes };
enum Output { kY, kLastH, kLastC };

struct Layer {
  int64_t steps, batch, inputs, hidden, gates, directions;
  bool batch_first;
  Direction direction;
  int64_t variant;  // LSTM: 1 couples input and forget gate; GRU: 1 is linear before the reset
  std::vector<Activation> activations;  // those of each direction

  // The offset of a row: in x, of [steps][batch]; in y and in states, of blocks of `hidden`.
  int64_t x_row(int64_t step, int64_t sample) const {
    return batch_first ? sample * steps + step : step * batch + sample;
  }
  int64_t y_row(int64_t step, int64_t direction, int64_t sample) const {
    return batch_first ? (sample * steps + step) * directions + direction
                       : (step * directions + direction) * batch + sample;
  }
  int64_t state_row(int64_t direction, int64_t sample) const {
    return batch_first ? sample * directions + direction : direction * batch + sample;
  }
};

void require_state(const OperatorCall& call, const Layer& layer, const TensorView& state) {
  const int64_t rows_first[] = {layer.batch, layer.directions, layer.hidden};
  const int64_t usual[] = {layer.directions, layer.batch, layer.hidden};
  require_shape(call, state, layer.batch_first ? rows_first : usual);
}

bool has_output(const OperatorCall& call, size_t index) {
  return index < call.outputs.size() && call.outputs[index].present();
}

void check_shapes(const OperatorCall& call, const Layer& layer) {
  const int64_t rows = layer.gates * layer.hidden;
  const int64_t w[] = {layer.directions, rows, layer.inputs};
  const int64_t r[] = {layer.directions, rows, layer.hidden};
  const int64_t bias[] = {layer.directions, 2 * rows};
  const int64_t peepholes[] = {layer.directions, 3 * layer.hidden};
  const int64_t lengths[] = {layer.batch};
  const int64_t y[] = {layer.steps, layer.directions, layer.batch, layer.hidden};
  const int64_t y_rows_first[] = {layer.batch, layer.steps, layer.directions, layer.hidden};
  require_shape(call, call.inputs[kW], w);
  require_shape(call, call.inputs[kR], r);
  if (has_input(call, kBias)) require_shape(call, call.inputs[kBias], bias);
  if (has_input(call, kPeepholes)) require_shape(call, call.inputs[kPeepholes], peepholes);
  if (has_input(call, kLengths)) {
    require_dtype(call, call.inputs[kLengths], DMT_S32);
    require_shape(call, call.inputs[kLengths], lengths);
  }
  for (const size_t input : {kInitialH, kInitialC}) {
    if (has_input(call, input)) require_state(call, layer, call.inputs[input]);
  }
  if (has_output(call, kY)) {
    require_shape(call, call.outputs[kY], layer.batch_first ? y_rows_first : y);
  }
  for (const size_t output : {kLastH, kLastC}) {
    if (has_output(call, output)) require_state(call, layer, call.outputs[output]);
  }
}

// integers: layout (1: batch first), direction, variant, then for each direction its activation
// functions; floats: limit of their arguments (0: none), then alpha and beta of each.
Layer read_layer(const OperatorCall& call, int64_t gates, size_t functions) {
  require_tensors(call, 3, 0);
  const TensorView& x = call.inputs[kX];
  const TensorView& r = call.inputs[kR];
  if (x.rank != 3 || r.rank != 3) {
    reject(call, "%s by %s", describe(x).c_str(), describe(r).c_str());
  }
  require_attributes(call, 3, 1);
  Layer layer;
  layer.batch_first = call.integers[0] != 0;
  if (call.integers[1] < kForward || call.integers[1] > kBidirectional) {
    reject(call, "direction %lld", static_cast<long long>(call.integers[1]));
  }
  layer.direction = static_cast<Direction>(call.integers[1]);
  layer.directions = layer.direction == kBidirectional ? 2 : 1;
  layer.variant = call.integers[2];
  layer.steps = x.dims[layer.batch_first ? 1 : 0];
  layer.batch = x.dims[layer.batch_first ? 0 : 1];
  layer.inputs = x.dims[2];
  layer.hidden = r.dims[2];
  layer.gates = gates;
  const size_t count = functions * layer.directions;
  require_attributes(call, 3 + count, 1 + 2 * count);
  for (size_t i = 0; i < count; ++i) {
    Activation activation;
    activation.function = call.integers[3 + i];
    if (activation.function < kTanh || activation.function > kSoftplus) {
      reject(call, "there is no activation function %lld",
             static_cast<long long>(activation.function));
    }
    activation.alpha = static_cast<float>(call.floats[1 + 2 * i]);
    activation.beta = static_cast<float>(call.floats[2 + 2 * i]);
    if (call.floats[0] > 0) activation.clip = static_cast<float>(call.floats[0]);
    layer.activations.push_back(activation);
  }
  if (layer.hidden > INT64_MAX / 16) reject(call, "%s is too large", describe(r).c_str());
  check_shapes(call, layer);
  return layer;
}

// Everything as f32.
class Tensors {
 public:
  explicit Tensors(const OperatorCall& call) {
    for (const size_t input : {kX, kW, kR, kBias, kInitialH, kInitialC, kPeepholes}) {
      if (has_input(call, input)) inputs_[input].emplace(call, call.inputs[input]);
    }
    for (const size_t output : {kY, kLastH, kLastC}) {
      if (has_output(call, output)) outputs_[output].emplace(call, call.outputs[output]);
    }
  }

  const float* in(Input input) const { return inputs_[input] ? inputs_[input]->data() : nullptr; }
  float* out(Output output) const { return outputs_[output] ? outputs_[output]->data() : nullptr; }
  void store() const {
    for (const auto& output : outputs_) {
      if (output) output->store();
    }
  }

 private:
  std::optional<FloatValues> inputs_[8];
  std::optional<FloatResult> outputs_[3];
};

int64_t checked_product(const OperatorCall& call, int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) {
    reject(call, "%s is too large", describe(call.inputs[kX]).c_str());
  }
  return result;
}

// Rows [first, first + count) of a direction's r, ready to be multiplied with h.
std::unique_ptr<Weight> pack_recurrence(const Layer& layer, const float* r, int64_t first,
                                        int64_t count) {
  return pack_float_weight(active_isa(), DMT_F32, r + first * layer.hidden, layer.hidden, count, 1,
                           layer.hidden);
}

void multiply(const Weight& weight, const float* h, int64_t batch, float* out,
              const Executor& executor) {
  Epilogue epilogue;
  epilogue.out = out;
  epilogue.out_stride = weight.n();
  weight.run(h, weight.k(), batch, epilogue, executor);
}

// What one direction of a layer is made of at one step of one sample: `x` [gates * hidden] with
// all biases that are only added, h and c the state.
struct Cell {
  const Layer& layer;
  const Activation* functions;
  const float* peepholes;       // LSTM: [3][hidden], input, output, forget; or null
  const float* recurrent_bias;  // GRU, linear before the reset: of the last gate

  void rnn(const float* x, const float* r, float* h) const {
    for (int64_t i = 0; i < layer.hidden; ++i) h[i] = functions[0](x[i] + r[i]);
  }

  void lstm(const float* x, const float* r, float* h, float* c) const {
    const int64_t n = layer.hidden;
    for (int64_t i = 0; i < n; ++i) {
      const float in_peep = peepholes == nullptr ? 0 : peepholes[i] * c[i];
      const float input = functions[0](x[i] + r[i] + in_peep);
      const float forget_peep = peepholes == nullptr ? 0 : peepholes[2 * n + i] * c[i];
      const float forget =
          layer.variant != 0 ? 1 - input : functions[0](x[2 * n + i] + r[2 * n + i] + forget_peep);
      const float candidate = functions[1](x[3 * n + i] + r[3 * n + i]);
      c[i] = forget * c[i] + input * candidate;
      const float out_peep = peepholes == nullptr ? 0 : peepholes[n + i] * c[i];
      Activation last = functions[2];
      last.clip = INFINITY;  // the state itself is not limited
      h[i] = functions[0](x[n + i] + r[n + i] + out_peep) * last(c[i]);
    }
  }

  // The first two gates of GRU; z and the reset state go to the beginning and the end of `gates`.
  void gru_gates(const float* x, const float* r, const float* h, float* z, float* reset) const {
    const int64_t n = layer.hidden;
    for (int64_t i = 0; i < n; ++i) {
      z[i] = functions[0](x[i] + r[i]);
      const float gate = functions[0](x[n + i] + r[n + i]);
      reset[i] =
          recurrent_bias == nullptr ? gate * h[i] : gate * (r[2 * n + i] + recurrent_bias[i]);
    }
  }

  void gru_state(const float* x, const float* candidate, const float* z, float* h) const {
    const int64_t n = layer.hidden;
    for (int64_t i = 0; i < n; ++i) {
      h[i] = (1 - z[i]) * functions[1](x[2 * n + i] + candidate[i]) + z[i] * h[i];
    }
  }
};

// One direction of a layer over all its steps.
class Run {
 public:
  Run(const OperatorCall& call, const Layer& layer, const Tensors& tensors, int64_t direction)
      : call_(call),
        layer_(layer),
        tensors_(tensors),
        direction_(direction),
        width_(layer.gates * layer.hidden),
        reversed_(layer.direction == kReverse || direction == 1),
        products_(checked_product(call, checked_product(call, layer.steps, layer.batch), width_)),
        h_(checked_product(call, layer.batch, layer.hidden)),
        c_(layer.batch * layer.hidden),
        r_(checked_product(call, layer.batch, width_)) {}

  // `step(rows, lengths ...)`: see the operators below.
  template <class Step>
  void operator()(Step&& step) {
    multiply_inputs();
    load_states();
    for (int64_t i = 0; i < layer_.steps; ++i) {
      step(*this, i);
      store_step(i);
    }
    store_states();
  }

  const Weight& recurrence(int64_t first, int64_t count) {
    weights_.push_back(pack_recurrence(layer_, r_of_direction(), first, count));
    return *weights_.back();
  }

  Cell cell(size_t functions) const {
    const float* peepholes = tensors_.in(kPeepholes);
    const bool linear_before = layer_.gates == 3 && layer_.variant != 0;
    return {layer_, layer_.activations.data() + functions * direction_,
            peepholes == nullptr ? nullptr : peepholes + direction_ * 3 * layer_.hidden,
            linear_before ? last_recurrent_bias() : nullptr};
  }

  // Calls body(sample, its products with w at this step) for the samples that have the step.
  template <class Body>
  void for_each_sample(int64_t step, Body&& body) const {
    const int64_t grain = std::max<int64_t>(1, kElementGrain / 16 / std::max<int64_t>(1, width_));
    call_.executor.parallel_for(layer_.batch, grain, [&](int64_t begin, int64_t end) {
      for (int64_t sample = begin; sample < end; ++sample) {
        if (step < length(sample)) {
          body(sample, products_.data() + layer_.x_row(time(step, sample), sample) * width_);
        }
      }
    });
  }

  float* h(int64_t sample) const { return h_.data() + sample * layer_.hidden; }
  float* c(int64_t sample) const { return c_.data() + sample * layer_.hidden; }
  float* r(int64_t sample) const { return r_.data() + sample * width_; }
  const float* states() const { return h_.data(); }
  float* recurrent() const { return r_.data(); }

 private:
  int64_t length(int64_t sample) const {
    if (!has_input(call_, kLengths)) return layer_.steps;
    const int64_t given = call_.inputs[kLengths].as<int32_t>()[sample];
    return std::clamp<int64_t>(given, 0, layer_.steps);
  }

  int64_t time(int64_t step, int64_t sample) const {
    return reversed_ ? length(sample) - 1 - step : step;
  }

  const float* r_of_direction() const {
    return tensors_.in(kR) + direction_ * width_ * layer_.hidden;
  }

  const float* bias(int64_t half) const {
    const float* all = tensors_.in(kBias);
    return all == nullptr ? nullptr : all + (direction_ * 2 + half) * width_;
  }

  // Zeros where there is no bias.
  const float* last_recurrent_bias() const {
    if (zeros_.empty()) zeros_.assign(layer_.hidden, 0.0f);
    return bias(1) == nullptr ? zeros_.data() : bias(1) + 2 * layer_.hidden;
  }

  void multiply_inputs() {
    const int64_t rows = layer_.steps * layer_.batch;
    const float* w = tensors_.in(kW) + direction_ * width_ * layer_.inputs;
    if (layer_.inputs == 0) {
      std::fill_n(products_.data(), rows * width_, 0.0f);
    } else if (rows > 0) {
      matmul_f32(active_isa(), tensors_.in(kX), layer_.inputs, w, 1, layer_.inputs,
                 products_.data(), width_, rows, layer_.inputs, width_, call_.executor);
    }
    if (bias(0) == nullptr) return;
    const bool linear_before = layer_.gates == 3 && layer_.variant != 0;
    std::vector<float> sums(width_);
    for (int64_t i = 0; i < width_; ++i) {
      const bool apart = linear_before && i >= 2 * layer_.hidden;
      sums[i] = bias(0)[i] + (apart ? 0 : bias(1)[i]);
    }
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < width_; ++i) products_.data()[row * width_ + i] += sums[i];
    }
  }

  void load_states() {
    for (int64_t sample = 0; sample < layer_.batch; ++sample) {
      load(tensors_.in(kInitialH), sample, h(sample));
      load(tensors_.in(kInitialC), sample, c(sample));
    }
    if (float* y = tensors_.out(kY)) {
      for (int64_t step = 0; step < layer_.steps; ++step) {
        for (int64_t sample = 0; sample < layer_.batch; ++sample) {
          std::fill_n(y + layer_.y_row(step, direction_, sample) * layer_.hidden, layer_.hidden,
                      0.0f);
        }
      }
    }
  }

  void load(const float* initial, int64_t sample, float* state) const {
    if (initial == nullptr) {
      std::fill_n(state, layer_.hidden, 0.0f);
    } else {
      std::copy_n(initial + layer_.state_row(direction_, sample) * layer_.hidden, layer_.hidden,
                  state);
    }
  }

  void store_step(int64_t step) {
    float* y = tensors_.out(kY);
    for (int64_t sample = 0; y != nullptr && sample < layer_.batch; ++sample) {
      if (step >= length(sample)) continue;
      const int64_t row = layer_.y_row(time(step, sample), direction_, sample);
      std::copy_n(h(sample), layer_.hidden, y + row * layer_.hidden);
    }
  }

  void store_states() const {
    for (int64_t sample = 0; sample < layer_.batch; ++sample) {
      const int64_t at = layer_.state_row(direction_, sample) * layer_.hidden;
      if (float* last = tensors_.out(kLastH)) std::copy_n(h(sample), layer_.hidden, last + at);
      if (float* last = tensors_.out(kLastC)) std::copy_n(c(sample), layer_.hidden, last + at);
    }
  }

  const OperatorCall& call_;
  const Layer& layer_;
  const Tensors& tensors_;
  const int64_t direction_, width_;
  const bool reversed_;
  const AlignedBuffer<float> products_;  // [steps and batch as in x][gates * hidden]
  const AlignedBuffer<float> h_, c_;     // [batch][hidden]
  const AlignedBuffer<float> r_;         // [batch][gates * hidden]
  std::vector<std::unique_ptr<Weight>> weights_;
  mutable std::vector<float> zeros_;
};

// Calls run(direction) for each direction, once the call is known to make sense.
template <class Body>
void for_each_direction(const OperatorCall& call, const Layer& layer, Body&& body) {
  if (layer.batch == 0 || layer.hidden == 0) return;
  const Tensors tensors(call);
  for (int64_t direction = 0; direction < layer.directions; ++direction) {
    Run run(call, layer, tensors, direction);
    body(run);
  }
  tensors.store();
}

void rnn(const OperatorCall& call) {
  const Layer layer = read_layer(call, 1, 1);
  for_each_direction(call, layer, [&](Run& run) {
    const Cell cell = run.cell(1);
    const Weight& all = run.recurrence(0, layer.hidden);
    run([&](Run& state, int64_t step) {
      multiply(all, state.states(), layer.batch, state.recurrent(), call.executor);
      state.for_each_sample(step, [&](int64_t sample, const float* x) {
        cell.rnn(x, state.r(sample), state.h(sample));
      });
    });
  });
}

void lstm(const OperatorCall& call) {
  const Layer layer = read_layer(call, 4, 3);
  for_each_direction(call, layer, [&](Run& run) {
    const Cell cell = run.cell(3);
    const Weight& all = run.recurrence(0, 4 * layer.hidden);
    run([&](Run& state, int64_t step) {
      multiply(all, state.states(), layer.batch, state.recurrent(), call.executor);
      state.for_each_sample(step, [&](int64_t sample, const float* x) {
        cell.lstm(x, state.r(sample), state.h(sample), state.c(sample));
      });
    });
  });
}

void gru(const OperatorCall& call) {
  const Layer layer = read_layer(call, 3, 2);
  const int64_t n = layer.hidden;
  const bool linear_before = layer.variant != 0;
  for_each_direction(call, layer, [&](Run& run) {
    const Cell cell = run.cell(2);
    // Without it the last gate is multiplied with the reset state.
    const int64_t first = linear_before ? 3 * n : 2 * n;
    const Weight& gates = run.recurrence(0, first);
    const Weight* last = linear_before ? nullptr : &run.recurrence(2 * n, n);
    const AlignedBuffer<float> z(layer.batch * n), reset(layer.batch * n),
        candidate(layer.batch * n);
    std::fill_n(reset.data(), layer.batch * n, 0.0f);
    run([&](Run& state, int64_t step) {
      multiply(gates, state.states(), layer.batch, state.recurrent(), call.executor);
      state.for_each_sample(step, [&](int64_t sample, const float* x) {
        const float* r = state.recurrent() + sample * first;
        cell.gru_gates(x, r, state.h(sample), z.data() + sample * n, reset.data() + sample * n);
      });
      const float* candidates = reset.data();
      if (last != nullptr) {
        multiply(*last, reset.data(), layer.batch, candidate.data(), call.executor);
        candidates = candidate.data();
      }
      state.for_each_sample(step, [&](int64_t sample, const float* x) {
        cell.gru_state(x, candidates + sample * n, z.data() + sample * n, state.h(sample));
      });
    });
  });
}

constexpr OperatorEntry kOperators[] = {{"RNN", rnn}, {"LSTM", lstm}, {"GRU", gru}};

}  // namespace

std::span<const OperatorEntry> recurrent_operators() { return kOperators; }

}  // namespace demitasse
