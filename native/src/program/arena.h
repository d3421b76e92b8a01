// Scratch memory that runs take and give back, so that a warm program allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/live.h"

namespace demitasse {

// Thread-safe. Keeps as many blocks as were ever in use at once.
class ArenaPool {
 public:
  class Lease;

  // At least so many bytes, aligned to 64, content unspecified.
  Lease lease(int64_t bytes);

  int64_t bytes() const;

 private:
  struct Block {
    explicit Block(int64_t size) : bytes(size), memory(size) {}
    int64_t bytes;
    AlignedBuffer<uint8_t> memory;
  };

  void give_back(std::unique_ptr<Block> block) noexcept;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> free_;
  size_t blocks_ = 0;  // free or leased
  LiveBytes bytes_;    // of all of them
};

class ArenaPool::Lease {
 public:
  Lease(ArenaPool& pool, std::unique_ptr<Block> block) : pool_(pool), block_(std::move(block)) {}
  ~Lease() { pool_.give_back(std::move(block_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  uint8_t* data() const { return block_->memory.data(); }

 private:
  ArenaPool& pool_;
  std::unique_ptr<Block> block_;
};

}  // namespace demitasse
