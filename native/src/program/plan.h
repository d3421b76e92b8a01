// Which values share memory: liveness analysis and placement in the arena.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace demitasse {

// A value that needs `bytes` of the arena from operation `first` to operation `last`, inclusive.
struct Lifetime {
  int32_t value = -1;
  int32_t first = 0;
  int32_t last = 0;
};

struct Placement {
  std::vector<int64_t> offsets;  // per lifetime, multiples of 64
  int64_t bytes = 0;
};

// Lifetimes that overlap in time never overlap in memory. bytes[i] belongs to lifetimes[i].
Placement place(std::span<const Lifetime> lifetimes, std::span<const int64_t> bytes);

}  // namespace demitasse
