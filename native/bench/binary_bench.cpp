// Signs x signs, in operations per second (two per bit), as a share of the machine's xor and
// popcount peak, and against FP32: what OpenBLAS reaches if it is installed, and the FMA peak.
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "core/aligned_buffer.h"
#include "gemm/linear.h"
#include "gemm/source.h"
#include "peak.h"

namespace demitasse::bench {
namespace {

using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                       float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                       float* c, int ldc);

// One thread of OpenBLAS, found by the loader or at DEMITASSE_OPENBLAS; NULL without it.
Sgemm find_sgemm() {
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  const char* path = std::getenv("DEMITASSE_OPENBLAS");
  void* const library = dlopen(path != nullptr ? path : "libopenblas.so.0", RTLD_NOW);
  if (library == nullptr) return nullptr;
  return reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
}

template <class Work>
double best_of(const Work& work, double seconds) {
  double best = 1e9;
  const double until = now() + seconds;
  do {
    const double start = now();
    work();
    best = std::min(best, now() - start);
  } while (now() < until);
  return best;
}

void binary(benchmark::State& state, Isa isa, int64_t m, int64_t n, int64_t k, bool to_signs) {
  if (isa > best_isa()) {
    state.SkipWithError("this CPU cannot");
    return;
  }
  std::mt19937_64 engine(1);
  const int64_t words = (k + 63) / 64;
  std::vector<uint64_t> x(m * words), bits(m * ((n + 63) / 64));
  std::vector<uint8_t> signs((k * n + 7) / 8);
  for (uint64_t& word : x) word = engine();
  for (uint8_t& byte : signs) byte = static_cast<uint8_t>(engine());
  const std::vector<float> scales(n, 0.5f);
  const std::vector<int32_t> thresholds(n, 3);
  const AlignedBuffer<float> out(m * n);
  GroupedSource source{kSigns, signs.data(), k, n, n, 1, k, DMT_F32, scales.data()};
  const auto weight = pack_binary_weight(isa, source);
  Epilogue epilogue;
  epilogue.out = out.data();
  epilogue.out_stride = n;
  const auto run = [&] {
    if (to_signs) {
      weight->run_signs({x.data(), words}, m, thresholds.data(), {bits.data(), (n + 63) / 64},
                        serial_executor());
    } else {
      weight->run(BitRows{x.data(), words}, m, epilogue, serial_executor());
    }
  };
  static const Sgemm sgemm = find_sgemm();
  const std::vector<float> a(m * k, 1.0f), b(k * n, 0.5f);
  double best = 1e9, best_sgemm = 1e9, best_peak = 0, best_fma = 0;
  for (auto _ : state) {
    best_peak = std::max(best_peak, peak(Unit::xor_popcount, isa));
    best_fma = std::max(best_fma, peak(Unit::float_multiply_add, isa));
    best = std::min(best, best_of(run, 0.03));
    if (sgemm != nullptr) {
      const auto floats = [&] {
        sgemm(101, 111, 111, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1,
              a.data(), static_cast<int>(k), b.data(), static_cast<int>(n), 0, out.data(),
              static_cast<int>(n));
      };
      best_sgemm = std::min(best_sgemm, best_of(floats, 0.05));
    }
    state.SetIterationTime(best);
  }
  const double rate = 2.0 * static_cast<double>(m * n * k) / best;
  state.counters["GOP/s"] = rate * 1e-9;
  if (best_peak > 0) state.counters["%peak"] = 100 * rate / best_peak;
  state.counters["of FMA peak"] = rate / best_fma;
  if (sgemm != nullptr) {
    state.counters["SGEMM GFLOP/s"] = 2e-9 * static_cast<double>(m * n * k) / best_sgemm;
    state.counters["of SGEMM"] = best_sgemm / best;
  }
  run();
  for (const int64_t j : {int64_t{0}, n / 3, n - 1}) {
    int64_t sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      const int32_t sign = (x[(m - 1) * words + i / 64] >> i % 64 & 1) != 0 ? 1 : -1;
      sum += sign * source.code(i, j);
    }
    const bool right = to_signs
                           ? (bits[(m - 1) * ((n + 63) / 64) + j / 64] >> j % 64 & 1) == (sum >= 3)
                           : out.data()[(m - 1) * n + j] == static_cast<float>(sum) * 0.5f;
    if (!right) state.SkipWithError("wrong result");
  }
}

#define DEMITASSE_BINARY(name, isa, m, n, k, to_signs) \
  BENCHMARK_CAPTURE(binary, name, isa, m, n, k, to_signs)->Iterations(8)->UseManualTime()

DEMITASSE_BINARY(avx512_1024, Isa::avx512, 1024, 1024, 1024, false);
DEMITASSE_BINARY(avx512_1024_to_signs, Isa::avx512, 1024, 1024, 1024, true);
DEMITASSE_BINARY(avx512_4096, Isa::avx512, 1024, 1024, 4096, true);
DEMITASSE_BINARY(avx2_1024, Isa::avx2, 1024, 1024, 1024, false);

}  // namespace
}  // namespace demitasse::bench
