#include "program/plan.h"

#include <algorithm>
#include <numeric>

namespace demitasse {
namespace {

constexpr int64_t kAlignment = 64;

}  // namespace

// Largest first, each into the smallest gap that fits between what is placed already and alive at
// the same time (Pisarchyk and Lee 2020, "greedy by size").
Placement place(std::span<const Lifetime> lifetimes, std::span<const int64_t> bytes) {
  std::vector<int64_t> sizes(bytes.size());
  std::transform(bytes.begin(), bytes.end(), sizes.begin(),
                 [](int64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; });
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });

  Placement placement;
  placement.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> placed;  // ascending offset
  for (size_t i : order) {
    int64_t gap_begin = 0, best = -1, best_size = INT64_MAX;
    for (size_t other : placed) {
      if (lifetimes[other].last < lifetimes[i].first || lifetimes[i].last < lifetimes[other].first)
        continue;
      const int64_t gap = placement.offsets[other] - gap_begin;
      if (gap >= sizes[i] && gap < best_size) {
        best = gap_begin;
        best_size = gap;
      }
      gap_begin = std::max(gap_begin, placement.offsets[other] + sizes[other]);
    }
    placement.offsets[i] = best >= 0 ? best : gap_begin;
    placement.bytes = std::max(placement.bytes, placement.offsets[i] + sizes[i]);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](size_t a, size_t b) {
                                     return placement.offsets[a] < placement.offsets[b];
                                   }),
                  i);
  }
  return placement;
}

}  // namespace demitasse
