// What all levels agree on about grouped weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "gemm/source.h"

namespace demitasse {

// A longer group is cut into segments of this many k that share its scale: 255 * 255 * 1024 is far
// inside int32, and a block of whole segments fits a cache.
constexpr int64_t kLongestSegment = 1024;

// k values whose products are summed as integers.
inline int64_t segment_of(const GroupedSource& source) {
  return std::min({source.group, source.k, kLongestSegment});
}

// A codebook for integer arithmetic: entry i is close to step * levels[i]. The error is at most
// half a step, 1/254 of the largest entry.
struct Codebook {
  int8_t levels[16] = {};
  float step = 1;

  explicit Codebook(const float* codebook) {
    if (codebook == nullptr) return;
    float largest = 0;
    for (int i = 0; i < 16; ++i) largest = std::max(largest, std::fabs(codebook[i]));
    if (largest == 0) return;
    step = largest / 127;
    for (int i = 0; i < 16; ++i) {
      const float level = std::nearbyint(codebook[i] / step);
      levels[i] = static_cast<int8_t>(std::clamp(level, -127.0f, 127.0f));
    }
  }
};

}  // namespace demitasse
