// Layer normalization, softmax, quantization and attention at MiniLM's shapes, on one thread.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "attention/attention.h"
#include "norm/rows.h"

namespace demitasse {
namespace {

std::vector<float> random_floats(int64_t n) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(n));
  for (float& value : x) value = normal(generator);
  return x;
}

bool skipped(benchmark::State& state, Isa isa) {
  if (isa <= best_isa()) return false;
  state.SkipWithError("this CPU lacks the instructions");
  return true;
}

void throughput(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] = benchmark::Counter(per_iteration * static_cast<double>(state.iterations()),
                                            benchmark::Counter::kIsRate);
}

// Residual, layer normalization and per-row quantization of 128 rows.
void layer_norm_quantized(benchmark::State& state, Isa isa) {
  if (skipped(state, isa)) return;
  const int64_t rows = 128, features = state.range(0);
  const std::vector<float> x = random_floats(rows * features), residual = x, gamma = x;
  std::vector<float> y(x.size()), scales(rows);
  std::vector<int32_t> zero_points(rows);
  std::vector<uint8_t> codes(rows * features);
  LayerNorm norm{.x = x.data(),
                 .residual = residual.data(),
                 .gamma = gamma.data(),
                 .beta = gamma.data(),
                 .features = features,
                 .y = y.data(),
                 .requantize = Requantize::dynamic_row,
                 .quantized = {codes.data(), features, scales.data(), zero_points.data(), 1}};
  for (auto _ : state) layer_norm(isa, norm, rows, serial_executor());
  throughput(state, "elements", static_cast<double>(rows * features));
}

void softmax(benchmark::State& state, Isa isa) {
  if (skipped(state, isa)) return;
  const int64_t rows = 128, features = state.range(0);
  const std::vector<float> x = random_floats(rows * features);
  std::vector<float> y(x.size());
  for (auto _ : state) softmax_rows(isa, x.data(), y.data(), features, rows, serial_executor());
  throughput(state, "elements", static_cast<double>(rows * features));
}

void gelu(benchmark::State& state, Isa isa) {
  if (skipped(state, isa)) return;
  const std::vector<float> x = random_floats(state.range(0));
  std::vector<float> y(x.size());
  for (auto _ : state) {
    activate(isa, DMT_ACTIVATION_GELU_ERF, x.data(), y.data(), state.range(0));
  }
  throughput(state, "elements", static_cast<double>(state.range(0)));
}

// One sequence of T tokens, `heads` heads of `head_dim`.
void attention_f32(benchmark::State& state, Isa isa) {
  if (skipped(state, isa)) return;
  const int64_t tokens = state.range(0), heads = state.range(1), head_dim = state.range(2);
  const int64_t features = heads * head_dim;
  const std::vector<float> qkv = random_floats(tokens * 3 * features);
  std::vector<float> y(tokens * features);
  const int64_t offsets[2] = {0, tokens};
  Attention a;
  a.q = qkv.data();
  a.k = a.q + features;
  a.v = a.k + features;
  a.q_stride = a.k_stride = a.v_stride = 3 * features;
  a.heads = heads;
  a.head_dim = head_dim;
  a.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  a.offsets = offsets;
  a.sequences = 1;
  a.y = y.data();
  a.y_stride = features;
  for (auto _ : state) attention(isa, a, serial_executor());
  throughput(state, "flop", 4.0 * tokens * tokens * features);
}

#define FOR_EACH_LEVEL(benchmark_function, arguments)                \
  BENCHMARK_CAPTURE(benchmark_function, avx2, Isa::avx2)->arguments; \
  BENCHMARK_CAPTURE(benchmark_function, avx512, Isa::avx512)->arguments

FOR_EACH_LEVEL(layer_norm_quantized, Arg(384)->Arg(1536));
FOR_EACH_LEVEL(softmax, Arg(128)->Arg(1024));
FOR_EACH_LEVEL(gelu, Arg(8 * 1536));
FOR_EACH_LEVEL(attention_f32,
               Args({16, 12, 32})->Args({128, 12, 32})->Args({512, 12, 64})->Args({2048, 4, 64}));

}  // namespace
}  // namespace demitasse
