#include "peak.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/aligned_buffer.h"

namespace demitasse::bench {
namespace {

PeakLoop loop(Unit unit, Isa isa) {
  if (isa > best_isa() || isa == Isa::scalar) return nullptr;
  const bool wide = isa == Isa::avx512;
  switch (unit) {
    case Unit::int8_multiply_add:
      return wide ? int8_multiply_add_avx512 : int8_multiply_add_avx2;
    case Unit::float_multiply_add:
      return wide ? float_multiply_add_avx512 : float_multiply_add_avx2;
    case Unit::xor_popcount:
      return wide && cpu_features().avx512_vpopcntdq ? xor_popcount_avx512 : nullptr;
    case Unit::memory_read:
      return memory_read_avx2;
  }
  return nullptr;
}

void report_peak(benchmark::State& state, Unit unit, Isa isa) {
  if (loop(unit, isa) == nullptr) {
    state.SkipWithError("this CPU cannot");
    return;
  }
  double best = 0;
  for (auto _ : state) best = std::max(best, peak(unit, isa));
  state.counters[unit == Unit::memory_read ? "GB/s" : "GOP/s"] = best * 1e-9;
}

BENCHMARK_CAPTURE(report_peak, int8_vpdpbusd_avx512, Unit::int8_multiply_add, Isa::avx512);
BENCHMARK_CAPTURE(report_peak, int8_vpmaddwd_vpaddd_avx2, Unit::int8_multiply_add, Isa::avx2);
BENCHMARK_CAPTURE(report_peak, fp32_fma_avx512, Unit::float_multiply_add, Isa::avx512);
BENCHMARK_CAPTURE(report_peak, fp32_fma_avx2, Unit::float_multiply_add, Isa::avx2);
BENCHMARK_CAPTURE(report_peak, binary_xor_popcount_avx512, Unit::xor_popcount, Isa::avx512);
BENCHMARK_CAPTURE(report_peak, memory_read, Unit::memory_read, Isa::avx2);

}  // namespace

const void* large_buffer() {
  static const AlignedBuffer<unsigned char> buffer(kLargeBufferBytes);
  static const bool filled = std::memset(buffer.data(), 1, kLargeBufferBytes) != nullptr;
  static_cast<void>(filled);
  return buffer.data();
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak(Unit unit, Isa isa) {
  const PeakLoop run = loop(unit, isa);
  if (run == nullptr) return 0;
  const int64_t rounds = unit == Unit::memory_read ? 1 : 50;
  const int repetitions = unit == Unit::memory_read ? 3 : 20;
  double best = 0;
  for (int i = 0; i < repetitions; ++i) {
    const double start = now();
    const double operations = run(rounds);
    best = std::max(best, operations / (now() - start));
  }
  return best;
}

}  // namespace demitasse::bench
