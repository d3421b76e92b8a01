#include "core/overlap.h"

#include <algorithm>

#include "core/error.h"

namespace demitasse {

void check_apart(const char* user, std::vector<BoundMemory>& memories) {
  std::sort(memories.begin(), memories.end(),
            [](const BoundMemory& a, const BoundMemory& b) { return a.begin < b.begin; });
  const BoundMemory* furthest = nullptr;          // of all that begin earlier
  const BoundMemory* furthest_written = nullptr;  // of those, the written ones
  for (const BoundMemory& memory : memories) {
    const BoundMemory* clash = memory.written ? furthest : furthest_written;
    if (clash != nullptr && clash->end > memory.begin) {
      fail(DMT_INVALID_ARGUMENT, "%s: %s %d and %s %d overlap in memory", user, clash->kind,
           clash->index, memory.kind, memory.index);
    }
    if (furthest == nullptr || memory.end > furthest->end) furthest = &memory;
    if (memory.written && (furthest_written == nullptr || memory.end > furthest_written->end)) {
      furthest_written = &memory;
    }
  }
}

}  // namespace demitasse
