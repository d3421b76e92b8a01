// Uninitialized scratch memory of a kernel, aligned to a cache line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace demitasse {

template <class T>
class AlignedBuffer {
 public:
  explicit AlignedBuffer(int64_t count)
      : data_(static_cast<T*>(::operator new(bytes(count), kAlignment))) {}
  ~AlignedBuffer() { ::operator delete(data_, kAlignment); }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  T* data() const { return data_; }

 private:
  static std::size_t bytes(int64_t count) {
    if (count < 0 || count > PTRDIFF_MAX / static_cast<int64_t>(sizeof(T))) throw std::bad_alloc();
    return static_cast<std::size_t>(count) * sizeof(T);
  }

  static constexpr std::align_val_t kAlignment{64};
  T* data_;
};

}  // namespace demitasse
