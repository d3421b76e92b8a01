// A whole encoder of MiniLM's shape (6 layers, 384 features, 12 heads, 1536 inner features) with
// INT8 weights, as the Java compiler lowers it. Items are tokens; "terops" counts the integer
// multiplications and additions of the linear layers per second, in units of 10^12.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "demitasse/demitasse.h"

namespace {

constexpr int64_t kLayers = 6, kFeatures = 384, kHeads = 12, kInner = 1536, kEntries = 30522;
constexpr int64_t kLinearOperations =
    2 * kLayers * (4 * kFeatures * kFeatures + 2 * kFeatures * kInner);

void check(int32_t status) {
  if (status == DMT_OK) return;
  std::fprintf(stderr, "%s\n", dmt_last_error());
  std::abort();
}

class Encoder {
 public:
  Encoder() {
    check(dmt_program_create(&program_));
    const int32_t ids = value(DMT_S64, DMT_ROWS_TOKENS, {});
    check(dmt_program_input(program_, ids));
    const std::vector<float> entries(kEntries * kFeatures, 0.5f);
    const int64_t shape[] = {kEntries, kFeatures};
    int32_t table = -1, x = tokens(kFeatures), x_q = quantized(kFeatures);
    check(dmt_program_constant(program_, DMT_F32, shape, 2, entries.data(), entries.size() * 4, 1,
                               &table));
    const int32_t embedded = tokens(kFeatures);
    check(dmt_program_embedding(program_, "word", ids, table, nullptr, nullptr, 0, 0, 0, embedded));
    normalize(embedded, x, x_q);
    for (int64_t layer = 0; layer < kLayers; ++layer) {
      const int32_t qkv = tokens(3 * kFeatures), context = quantized(kFeatures);
      linear(x_q, kFeatures, 3 * kFeatures, DMT_ACTIVATION_NONE, -1, qkv);
      check(dmt_program_attention(program_, qkv, 0, qkv, kFeatures, qkv, 2 * kFeatures, -1, kHeads,
                                  kFeatures / kHeads, 0.18f, 0, 0, context));
      const int32_t attended = tokens(kFeatures), middle = tokens(kFeatures),
                    middle_q = quantized(kFeatures), inner = quantized(kInner),
                    fed = tokens(kFeatures);
      linear(context, kFeatures, kFeatures, DMT_ACTIVATION_NONE, x, attended);
      normalize(attended, middle, middle_q);
      linear(middle_q, kFeatures, kInner, DMT_ACTIVATION_GELU_ERF, -1, inner);
      linear(inner, kInner, kFeatures, DMT_ACTIVATION_NONE, middle, fed);
      x = tokens(kFeatures);
      x_q = layer + 1 < kLayers ? quantized(kFeatures) : -1;
      normalize(fed, x, x_q);
    }
    const int32_t pooled = value(DMT_F32, DMT_ROWS_SEQUENCES, {kFeatures});
    check(dmt_program_pooling(program_, x, -1, DMT_POOLING_MEAN, 1, 0, pooled));
    check(dmt_program_output(program_, pooled));
    check(dmt_program_finish(program_, 1));
  }
  ~Encoder() { dmt_program_release(program_); }

  void run(const std::vector<int64_t>& offsets, const std::vector<int64_t>& ids,
           std::vector<float>& pooled, int32_t threads) const {
    const int64_t in = reinterpret_cast<int64_t>(ids.data()), in_bytes = ids.size() * 8;
    const int64_t out = reinterpret_cast<int64_t>(pooled.data()), out_bytes = pooled.size() * 4;
    check(dmt_program_run(program_, offsets.size() - 1, offsets.data(), &in, &in_bytes, 1, &out,
                          &out_bytes, 1, threads));
  }

 private:
  int32_t value(int32_t dtype, int32_t rows, const std::vector<int64_t>& dims) {
    int32_t id = -1;
    check(dmt_program_value(program_, dtype, rows, dims.data(), static_cast<int32_t>(dims.size()),
                            &id));
    return id;
  }
  int32_t tokens(int64_t features) { return value(DMT_F32, DMT_ROWS_TOKENS, {features}); }
  int32_t quantized(int64_t features) {
    int32_t id = -1;
    check(dmt_program_quantized_value(program_, DMT_ROWS_TOKENS, 0, features,
                                      DMT_QUANTIZATION_DYNAMIC_ROW, 0, 0, &id));
    return id;
  }
  void linear(int32_t x, int64_t k, int64_t n, int32_t activation, int32_t residual, int32_t y) {
    std::vector<int8_t> codes(k * n);
    for (int8_t& code : codes) code = static_cast<int8_t>(std::rand() % 255 - 127);
    const std::vector<float> scales(n, 0.001f), bias(n, 0.1f);
    dmt_weight* weight = nullptr;
    check(dmt_weight_pack_int8(DMT_S8, codes.data(), codes.size(), k, n, n, 1, scales.data(),
                               nullptr, n, &weight));
    check(dmt_program_linear(program_, x, weight, bias.data(), activation, residual, 0, y));
    dmt_weight_release(weight);
  }
  void normalize(int32_t x, int32_t y, int32_t q) {
    const std::vector<float> gamma(kFeatures, 1.0f), beta(kFeatures, 0.1f);
    check(dmt_program_layer_norm(program_, x, -1, gamma.data(), beta.data(), kFeatures, 1e-12f, 0,
                                 -1, y, q));
  }

  dmt_program* program_ = nullptr;
};

void encoder(benchmark::State& state) {
  static const Encoder model;
  const int64_t batch = state.range(0), length = state.range(1);
  std::vector<int64_t> offsets{0}, ids;
  for (int64_t s = 0; s < batch; ++s) {
    // length 0: lengths as in a batch of short sentences.
    const int64_t tokens = length > 0 ? length : 8 + s * 7 % 29;
    for (int64_t i = 0; i < tokens; ++i) ids.push_back(std::rand() % kEntries);
    offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  std::vector<float> pooled(batch * kFeatures);
  for (auto _ : state) model.run(offsets, ids, pooled, static_cast<int32_t>(state.range(2)));
  const auto tokens = static_cast<double>(state.iterations() * offsets.back());
  state.SetItemsProcessed(state.iterations() * offsets.back());
  state.counters["terops"] =
      benchmark::Counter(tokens * kLinearOperations * 1e-12, benchmark::Counter::kIsRate);
}

BENCHMARK(encoder)
    ->ArgNames({"batch", "length", "threads"})
    ->ArgsProduct({{32}, {128, 0}, {1, 2}})
    ->ArgsProduct({{1}, {128, 16}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
