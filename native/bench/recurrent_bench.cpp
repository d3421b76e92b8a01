// An LSTM of 64 steps with its weights as floats, as INT8, and as INT8 that meet quantized rows.
// "steps" counts steps of single samples per second.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "recurrent/run.h"
#include "threads/pool.h"

namespace demitasse {
namespace {

constexpr int64_t kSteps = 64, kInputs = 128;

enum Encoding { kFloat, kInt8, kInt8Rows };

std::shared_ptr<const Weight> pack(Encoding encoding, int64_t k, int64_t n) {
  if (encoding == kFloat) {
    const std::vector<float> values(k * n, 0.01f);
    return pack_float_weight(active_isa(), DMT_F32, values.data(), k, n, 1, k);
  }
  const std::vector<int8_t> codes(k * n, 3);
  const float scale = 0.003f;
  return pack_int8_weight(active_isa(), DMT_S8, codes.data(), k, n, 1, k, &scale, nullptr, 1);
}

void lstm(benchmark::State& state, Encoding encoding, int64_t hidden) {
  RecurrentLayer layer;
  layer.kind = RecurrentKind::lstm;
  layer.steps = kSteps;
  layer.batch = state.range(0);
  layer.inputs = kInputs;
  layer.hidden = hidden;
  layer.gates = 4;
  using enum RecurrentFunction;
  for (const RecurrentFunction function : {sigmoid, tanh, tanh}) {
    layer.activations.push_back({function, 0, 0, INFINITY});
  }
  const std::vector<RecurrentWeights> weights{
      {pack(encoding, kInputs, 4 * hidden), pack(encoding, hidden, 4 * hidden), nullptr}};
  std::vector<float> x(kSteps * layer.batch * kInputs), y(kSteps * layer.batch * hidden);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  RecurrentTensors tensors;
  tensors.x = x.data();
  tensors.y = y.data();
  const PoolExecutor executor(static_cast<int>(state.range(1)));
  for (auto _ : state) {
    run_recurrent(active_isa(), layer, weights, tensors, encoding == kInt8Rows, executor);
    benchmark::ClobberMemory();
  }
  state.counters["steps"] = benchmark::Counter(static_cast<double>(kSteps * layer.batch),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"batch", "threads"})->Unit(benchmark::kMicrosecond)->UseRealTime();
  for (const int64_t batch : {1, 8}) {
    for (const int64_t threads : {1, 2}) bench->Args({batch, threads});
  }
}

BENCHMARK_CAPTURE(lstm, 256_float, kFloat, 256)->Apply(shapes);
BENCHMARK_CAPTURE(lstm, 256_int8, kInt8, 256)->Apply(shapes);
BENCHMARK_CAPTURE(lstm, 256_int8_rows, kInt8Rows, 256)->Apply(shapes);
BENCHMARK_CAPTURE(lstm, 1024_float, kFloat, 1024)->Apply(shapes);
BENCHMARK_CAPTURE(lstm, 1024_int8, kInt8, 1024)->Apply(shapes);
BENCHMARK_CAPTURE(lstm, 1024_int8_rows, kInt8Rows, 1024)->Apply(shapes);

}  // namespace
}  // namespace demitasse
