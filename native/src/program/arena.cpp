#include "program/arena.h"

namespace demitasse {

ArenaPool::Lease ArenaPool::lease(int64_t bytes) {
  std::unique_ptr<Block> too_small;  // freed outside the lock
  {
    const std::lock_guard lock(mutex_);
    auto best = free_.end(), smallest = free_.end();
    for (auto block = free_.begin(); block != free_.end(); ++block) {
      const int64_t size = (*block)->bytes;
      if (size >= bytes && (best == free_.end() || size < (*best)->bytes)) best = block;
      if (smallest == free_.end() || size < (*smallest)->bytes) smallest = block;
    }
    const auto taken = best != free_.end() ? best : smallest;
    if (taken != free_.end()) {
      std::unique_ptr<Block> block = std::move(*taken);
      free_.erase(taken);
      if (block->bytes >= bytes) return Lease(*this, std::move(block));
      bytes_.set(bytes_.get() - block->bytes);
      --blocks_;
      too_small = std::move(block);
    }
  }
  too_small.reset();
  auto block = std::make_unique<Block>(bytes);
  const std::lock_guard lock(mutex_);
  free_.reserve(blocks_ + 1);  // giving back must not fail
  bytes_.set(bytes_.get() + bytes);
  ++blocks_;
  return Lease(*this, std::move(block));
}

void ArenaPool::give_back(std::unique_ptr<Block> block) noexcept {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(block));
}

int64_t ArenaPool::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_.get();
}

}  // namespace demitasse
