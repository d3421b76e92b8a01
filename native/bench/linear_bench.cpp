// Rates of the linear operator in operations per second and as a share of the machine's peak. Both
// are the best of their repetitions and are measured alternately, since clocks drift on shared
// machines. Every benchmark checks some of its results.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "core/float16.h"
#include "gemm/linear.h"
#include "gemm/source.h"
#include "peak.h"
#include "threads/pool.h"

namespace demitasse::bench {
namespace {

struct Size {
  int64_t m, n, k;
};

// A vector whose elements start on a cache line, as those of a program's arena.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const AlignedAllocator&) const = default;
};
template <class T>
using Aligned = std::vector<T, AlignedAllocator<T>>;

// Of INT4 weights. Zero points of groups alternate, so that they are not folded away.
constexpr int32_t kZeroPoints[2] = {1, -1};
constexpr int64_t kGroup = 32;

// NF4 (Dettmers et al. 2023) in steps of 1/127, which integer arithmetic keeps exactly.
constexpr int kNormalFloat[16] = {-127, -88, -67, -50, -36, -23, -12, 0,
                                  10,   20,  31,  43,  56,  71,  92,  127};

// Random operands and the scalar values that some results must have.
struct Operands {
  explicit Operands(const Size& size)
      : size(size), code_stride((size.k + 63) / 64 * 64), x(size.m * size.k), w(size.k * size.n) {
    std::mt19937 engine(1);
    std::uniform_int_distribution<int> byte(0, 255);
    codes.resize(size.m * code_stride);
    w_codes.resize(size.k * size.n);
    for (uint8_t& code : codes) code = static_cast<uint8_t>(byte(engine));
    for (int8_t& code : w_codes) code = static_cast<int8_t>(byte(engine) - 128);
    for (float& value : x) value = static_cast<float>(byte(engine) - 128) / 64;
    for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(w_codes[i]) * scale;
    scales.assign(size.m, 0.01f);
    zero_points.assign(size.m, 131);
    out.resize(size.m * size.n);
    bias.assign(size.n, 0.5f);
    w_scales.assign(size.n, scale);
  }

  QuantizedRows rows() { return {codes.data(), code_stride, scales.data(), zero_points.data(), 1}; }

  // What the codes say as indices of kNormalFloat.
  double expected_codebook(int64_t m, int64_t n, bool quantized) const {
    double sum = 0;
    for (int64_t i = 0; i < size.k; ++i) {
      const double value =
          quantized ? 0.01f * (codes[m * code_stride + i] - 131.0) : x[m * size.k + i];
      sum += value * kNormalFloat[w_codes[i * size.n + n] >> 4 & 15] / 127 * scale;
    }
    return sum + 0.5;
  }

  // What the codes say in 4 bits: w_codes / 16, rounded down.
  double expected_int4(int64_t m, int64_t n, bool quantized, bool zero_points) const {
    double sum = 0;
    for (int64_t i = 0; i < size.k; ++i) {
      const double value =
          quantized ? 0.01f * (codes[m * code_stride + i] - 131.0) : x[m * size.k + i];
      const int32_t zero_point = zero_points ? kZeroPoints[i / kGroup % 2] : 0;
      sum += value * ((w_codes[i * size.n + n] >> 4) - zero_point) * scale;
    }
    return sum + 0.5;
  }

  double expected(int64_t m, int64_t n, bool quantized) const {
    double sum = 0;
    for (int64_t i = 0; i < size.k; ++i) {
      const double value =
          quantized ? 0.01f * (codes[m * code_stride + i] - 131.0) : x[m * size.k + i];
      sum += value * w_codes[i * size.n + n] * scale;
    }
    return sum + 0.5;
  }

  static constexpr float scale = 0.0078125f;  // the dequantized weights are exact in 16 bits too
  Size size;
  int64_t code_stride;
  Aligned<uint8_t> codes;
  std::vector<int8_t> w_codes;
  Aligned<float> x, w, scales, out, bias, w_scales;
  std::vector<int32_t> zero_points;
};

enum class Kind {
  int8,
  int8_gelu_requantize,
  float_x_int8,
  fp32,
  fp16,
  bf16,
  fp32_unpacked,
  int4,        // groups of 32, f16 scales
  int4_zeros,  // the same with zero points
  float_x_int4,
  float_x_int4_zeros,
  int4_codebook,  // 16 values to look up, groups of 32
  float_x_int4_codebook
};

bool has_zero_points(Kind kind) {
  return kind == Kind::int4_zeros || kind == Kind::float_x_int4_zeros;
}

bool has_codebook(Kind kind) {
  return kind == Kind::int4_codebook || kind == Kind::float_x_int4_codebook;
}

bool is_int4(Kind kind) {
  return kind == Kind::int4 || kind == Kind::float_x_int4 || has_zero_points(kind) ||
         has_codebook(kind);
}

std::unique_ptr<Weight> pack_int4(Kind kind, Isa isa, const Operands& operands) {
  const auto [m, n, k] = operands.size;
  std::vector<uint8_t> codes((k * n + 1) / 2);
  for (int64_t i = 0; i < k * n; ++i) {
    codes[i / 2] |= static_cast<uint8_t>((operands.w_codes[i] >> 4 & 15) << i % 2 * 4);
  }
  const int64_t parameters = (k + kGroup - 1) / kGroup * n;
  const std::vector<uint16_t> scales(parameters, f32_to_f16(Operands::scale));
  std::vector<int32_t> zero_points(parameters);
  for (int64_t i = 0; i < parameters; ++i) zero_points[i] = kZeroPoints[i / n % 2];
  GroupedSource source{DMT_S4, codes.data(), k, n, n, 1, kGroup, DMT_F16, scales.data()};
  if (has_zero_points(kind)) source.zero_points = zero_points.data();
  float codebook[16];
  if (has_codebook(kind)) {
    for (int i = 0; i < 16; ++i) codebook[i] = static_cast<float>(kNormalFloat[i]) / 127;
    source.dtype = DMT_U4;
    source.codebook = codebook;
  }
  return pack_grouped_weight(isa, source);
}

std::unique_ptr<Weight> pack(Kind kind, Isa isa, const Operands& operands) {
  const auto [m, n, k] = operands.size;
  switch (kind) {
    case Kind::int8:
    case Kind::int8_gelu_requantize:
    case Kind::float_x_int8:
      return pack_int8_weight(isa, DMT_S8, operands.w_codes.data(), k, n, n, 1,
                              operands.w_scales.data(), nullptr, n);
    case Kind::fp16:
    case Kind::bf16: {
      std::vector<uint16_t> bits;
      for (const float value : operands.w) {
        bits.push_back(kind == Kind::fp16 ? f32_to_f16(value) : f32_to_bf16(value));
      }
      return pack_float_weight(isa, kind == Kind::fp16 ? DMT_F16 : DMT_BF16, bits.data(), k, n, n,
                               1);
    }
    case Kind::int4:
    case Kind::int4_zeros:
    case Kind::float_x_int4:
    case Kind::float_x_int4_zeros:
    case Kind::int4_codebook:
    case Kind::float_x_int4_codebook:
      return pack_int4(kind, isa, operands);
    default:
      return pack_float_weight(isa, DMT_F32, operands.w.data(), k, n, n, 1);
  }
}

constexpr int64_t kCacheBytes = 4 << 20;

void linear(benchmark::State& state, Kind kind, Isa isa, Size size, int threads) {
  const bool quantized = kind == Kind::int8 || kind == Kind::int8_gelu_requantize ||
                         kind == Kind::int4 || kind == Kind::int4_zeros ||
                         kind == Kind::int4_codebook;
  const Unit unit = quantized ? Unit::int8_multiply_add : Unit::float_multiply_add;
  if (isa > best_isa()) {
    state.SkipWithError("this CPU cannot");
    return;
  }
  Operands operands(size);
  const auto [m, n, k] = size;
  const auto weight = pack(kind, isa, operands);
  const PoolExecutor pool(threads);
  const Executor& executor = threads == 1 ? serial_executor() : pool;
  Epilogue epilogue;
  epilogue.bias = operands.bias.data();
  epilogue.out = operands.out.data();
  epilogue.out_stride = n;
  Aligned<uint8_t> codes(m * ((n + 63) / 64 * 64));
  std::vector<float> scales(m);
  std::vector<int32_t> zero_points(m);
  if (kind == Kind::int8_gelu_requantize) {
    epilogue.activation = DMT_ACTIVATION_GELU_ERF;
    epilogue.requantize = Requantize::dynamic_row;
    epilogue.quantized = {codes.data(), (n + 63) / 64 * 64, scales.data(), zero_points.data(), 1};
  }
  // Few rows: what the weight weighs is what takes the time.
  const bool from_memory = m <= 4 && weight->bytes() > kCacheBytes;
  std::vector<std::unique_ptr<Weight>> copies;  // used in turn, so that no cache holds them
  for (int64_t bytes = 0; from_memory && bytes < kLargeBufferBytes; bytes += weight->bytes()) {
    copies.push_back(pack(kind, isa, operands));
  }
  size_t turn = 0;
  const auto next = [&]() -> const Weight& {
    return copies.empty() ? *weight : *copies[turn++ % copies.size()];
  };
  const auto run = [&] {
    if (kind == Kind::fp32_unpacked) {
      matmul_f32(isa, operands.x.data(), k, operands.w.data(), n, 1, operands.out.data(), n, m, k,
                 n, executor);
    } else if (quantized) {
      next().run(operands.rows(), m, epilogue, executor);
    } else {
      next().run(operands.x.data(), k, m, epilogue, executor);
    }
  };
  // Kinds that are compared take turns with the INT8 operator of the same size.
  const auto int8 =
      is_int4(kind) && quantized && !from_memory ? pack(Kind::int8, isa, operands) : nullptr;
  double best_seconds = 1e9, best_peak = 0, best_memory = 0, best_int8 = 1e9;
  for (auto _ : state) {
    if (from_memory) best_memory = std::max(best_memory, peak(Unit::memory_read, isa));
    if (int8 != nullptr) {
      const double until = now() + 0.02;
      do {
        const double start = now();
        int8->run(operands.rows(), m, epilogue, executor);
        best_int8 = std::min(best_int8, now() - start);
      } while (now() < until);
    }
    best_peak = std::max(best_peak, peak(unit, isa));
    const double until = now() + 0.02;
    do {
      const double start = now();
      run();
      best_seconds = std::min(best_seconds, now() - start);
    } while (now() < until);
    state.SetIterationTime(best_seconds);
  }
  const double rate = 2.0 * static_cast<double>(m * n * k) / best_seconds;
  state.counters["GOP/s"] = rate * 1e-9;
  state.counters["%peak"] = 100 * rate / (best_peak * threads);
  state.counters["us"] = best_seconds * 1e6;
  if (int8 != nullptr) state.counters["of int8"] = best_int8 / best_seconds;
  if (from_memory) {
    const double bytes = static_cast<double>(weight->bytes()) / best_seconds;
    state.counters["GB/s"] = bytes * 1e-9;
    state.counters["%memory"] = 100 * bytes / best_memory;
  }
  for (const int64_t i : {int64_t{0}, m / 2, m - 1}) {
    for (const int64_t j : {int64_t{0}, n / 3, n - 1}) {
      double expected = operands.expected(i, j, quantized);
      if (has_codebook(kind)) {
        expected = operands.expected_codebook(i, j, quantized);
      } else if (is_int4(kind)) {
        expected = operands.expected_int4(i, j, quantized, has_zero_points(kind));
      }
      double actual = operands.out[i * n + j], allowed = 1e-3 * std::abs(expected) + 1e-2;
      if (kind == Kind::fp32_unpacked) expected -= operands.bias[j];
      if (kind == Kind::int8_gelu_requantize) {
        expected *= 0.5 * (1 + std::erf(expected * std::sqrt(0.5)));
        const QuantizedRows& q = epilogue.quantized;
        actual = q.scales[i] * (q.codes[i * q.stride + j] - q.zero_points[i]);
        allowed += 0.5 * q.scales[i];
      }
      if (std::abs(actual - expected) > allowed) state.SkipWithError("wrong result");
    }
  }
}

void add(const char* name, Kind kind, Isa isa, Size size, int threads = 1) {
  const std::string full = std::string(name) + '/' + isa_name(isa) +
                           "/m:" + std::to_string(size.m) + "/n:" + std::to_string(size.n) +
                           "/k:" + std::to_string(size.k) + "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(
      full.c_str(), [=](benchmark::State& state) { linear(state, kind, isa, size, threads); })
      ->Iterations(8)
      ->UseManualTime();
}

const bool registered = [] {
  const Size minilm[] = {{128, 384, 384},  {128, 1536, 384},  {128, 384, 1536},
                         {4096, 384, 384}, {4096, 1536, 384}, {4096, 384, 1536}};
  for (const Isa isa : {Isa::avx512, Isa::avx2}) {
    for (const Size& size : minilm) {
      add("int8", Kind::int8, isa, size);
      add("fp32", Kind::fp32, isa, size);
    }
    for (const Size& size : {minilm[1], minilm[4]}) {
      add("int8_gelu_requantize", Kind::int8_gelu_requantize, isa, size);
      add("int8", Kind::int8, isa, size, 2);
    }
    for (const int64_t m : {1, 2, 4, 6, 8, 128}) {
      add("fp32_int8", Kind::float_x_int8, isa, {m, 1536, 384});
    }
    for (const int64_t m : {1, 4, 16}) {
      add("int8", Kind::int8, isa, {m, 1536, 384});
      add("fp32", Kind::fp32, isa, {m, 1536, 384});
    }
    for (const int64_t m : {1, 128}) {
      add("fp16", Kind::fp16, isa, {m, 1536, 384});
      add("bf16", Kind::bf16, isa, {m, 1536, 384});
      add("fp32_unpacked", Kind::fp32_unpacked, isa, {m, 1536, 384});
    }
    for (const Size& size : std::initializer_list<Size>{
             {128, 4096, 4096}, {1024, 4096, 4096}, {128, 1536, 384}, {16, 4096, 4096}}) {
      add("int4", Kind::int4, isa, size);
      add("int4_zeros", Kind::int4_zeros, isa, size);
      add("int4_codebook", Kind::int4_codebook, isa, size);
    }
    for (const Size& size : std::initializer_list<Size>{{1, 4096, 4096},
                                                        {1, 11008, 4096},
                                                        {1, 4096, 11008},
                                                        {4, 4096, 4096},
                                                        {8, 4096, 4096}}) {
      add("int4", Kind::int4, isa, size);
    }
    for (const int threads : {1, 2}) {
      if (threads == 2) add("int4", Kind::int4, isa, {1, 4096, 4096}, threads);
      add("int4_zeros", Kind::int4_zeros, isa, {1, 4096, 4096}, threads);
      add("int4_codebook", Kind::int4_codebook, isa, {1, 4096, 4096}, threads);
      add("fp32_int4", Kind::float_x_int4, isa, {1, 4096, 4096}, threads);
      add("fp32_int4_zeros", Kind::float_x_int4_zeros, isa, {1, 4096, 4096}, threads);
      add("fp32_int4_codebook", Kind::float_x_int4_codebook, isa, {1, 4096, 4096}, threads);
    }
    for (const int64_t m : {2, 3, 4, 6, 8, 12}) {
      add("int4_codebook", Kind::int4_codebook, isa, {m, 4096, 4096});
      add("fp32_int4", Kind::float_x_int4, isa, {m, 4096, 4096});
      add("fp32_int4_codebook", Kind::float_x_int4_codebook, isa, {m, 4096, 4096});
    }
    add("fp32_int4", Kind::float_x_int4, isa, {128, 4096, 4096});
    add("fp32_unpacked", Kind::fp32_unpacked, isa, {128, 128, 32});
    add("int8", Kind::int8, isa, {512, 1024, 1024});
    add("int8", Kind::int8, isa, {512, 1024, 8192});
  }
  return true;
}();

}  // namespace
}  // namespace demitasse::bench
