// What this machine can do at best, measured: the yardstick of every kernel's rate.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace demitasse::bench {

enum class Unit {
  int8_multiply_add,   // vpdpbusd (avx512), vpmaddwd + vpaddd (avx2): 2 operations per product
  float_multiply_add,  // FMA: 2 operations
  xor_popcount,        // vpxorq + vpopcntq + vpaddq: 2 operations per bit
  memory_read          // bytes
};

// A loop of independent instructions, `rounds` times; returns the operations done. Without memory
// access except memory_read, which reads a buffer larger than the caches.
using PeakLoop = double (*)(int64_t rounds);

double int8_multiply_add_avx512(int64_t rounds);
double float_multiply_add_avx512(int64_t rounds);
double xor_popcount_avx512(int64_t rounds);
double int8_multiply_add_avx2(int64_t rounds);
double float_multiply_add_avx2(int64_t rounds);
double memory_read_avx2(int64_t rounds);

// Larger than the caches; 64-byte aligned.
constexpr int64_t kLargeBufferBytes = 256 << 20;
const void* large_buffer();

// Operations (bytes) per second at best over some milliseconds, measured now; 0 if this CPU cannot.
double peak(Unit unit, Isa isa);

// Seconds on the steady clock.
double now();

}  // namespace demitasse::bench
