// Keeps callers from binding memory that is written while something else reads it.
#pragma once

#include <cstdint>
#include <vector>

namespace demitasse {

// A piece of the caller's memory, [begin, end).
struct BoundMemory {
  const char* kind;  // for messages: "input", "output"
  int32_t index;
  uintptr_t begin, end;
  bool written;
};

// Fails, naming both, if a written piece overlaps another one. `user` begins the message.
void check_apart(const char* user, std::vector<BoundMemory>& memories);

}  // namespace demitasse
