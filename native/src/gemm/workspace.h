// Scratch memory of one task. Buffers up to a limit are kept by the thread for its next task, since
// fresh pages cost more than the small GEMMs that use them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/aligned_buffer.h"

namespace demitasse {

// Counts bytes in a first pass, hands out pointers in a second one.
class Workspace {
 public:
  // Both passes must ask for the same pieces in the same order.
  template <class Layout>
  explicit Workspace(Layout&& layout) {
    layout(*this);
    base_ = acquire(used_);
    used_ = 0;
    layout(*this);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  template <class T>
  void piece(T*& pointer, int64_t count) {
    if (base_ != nullptr) pointer = reinterpret_cast<T*>(base_ + used_);
    used_ += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
  }

 private:
  std::byte* acquire(int64_t bytes);

  std::byte* base_ = nullptr;
  int64_t used_ = 0;
  std::unique_ptr<AlignedBuffer<std::byte>> own_;
};

}  // namespace demitasse
