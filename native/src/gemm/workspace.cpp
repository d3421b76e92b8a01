#include "gemm/workspace.h"

#include <algorithm>

namespace demitasse {
namespace {

constexpr int64_t kKeptBytes = 4 << 20;

struct Kept {
  std::unique_ptr<AlignedBuffer<std::byte>> buffer;
  int64_t bytes = 0;
};

thread_local Kept kept;

}  // namespace

std::byte* Workspace::acquire(int64_t bytes) {
  if (bytes > kKeptBytes) {
    own_ = std::make_unique<AlignedBuffer<std::byte>>(bytes);
    return own_->data();
  }
  if (kept.bytes < bytes || kept.buffer == nullptr) {
    const int64_t grown = std::min(kKeptBytes, std::max<int64_t>(bytes * 2, 64 << 10));
    kept.buffer.reset();
    kept.bytes = 0;
    kept.buffer = std::make_unique<AlignedBuffer<std::byte>>(grown);
    kept.bytes = grown;
  }
  return kept.buffer->data();
}

}  // namespace demitasse
