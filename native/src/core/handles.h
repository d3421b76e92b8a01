// Opaque handles of the C ABI that cannot be misused: a handle is a number that is never given out
// twice, so one that was released, or that never existed, is an error and not a crash. Whoever has
// looked a handle up keeps the object alive while it works with it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "core/error.h"

namespace demitasse {

template <class Opaque, class Object>
class Handles {
 public:
  explicit Handles(const char* what) : what_(what) {}

  Opaque* add(std::shared_ptr<Object> object) {
    const std::unique_lock lock(mutex_);
    next_ += kStep;
    objects_.emplace(next_, std::move(object));
    return reinterpret_cast<Opaque*>(next_);
  }

  std::shared_ptr<Object> get(const Opaque* handle) const {
    if (handle == nullptr) fail(DMT_INVALID_ARGUMENT, "the %s handle is NULL", what_);
    std::shared_ptr<Object> object = find(handle);
    if (object == nullptr) {
      fail(DMT_INVALID_ARGUMENT, "the %s handle is not valid: released already?", what_);
    }
    return object;
  }

  // nullptr for one that is not alive.
  std::shared_ptr<Object> find(const Opaque* handle) const {
    const std::shared_lock lock(mutex_);
    const auto found = objects_.find(reinterpret_cast<uintptr_t>(handle));
    return found == objects_.end() ? nullptr : found->second;
  }

  void remove(const Opaque* handle) {
    std::shared_ptr<Object> object;  // destroyed after the lock is given back
    const std::unique_lock lock(mutex_);
    const auto found = objects_.find(reinterpret_cast<uintptr_t>(handle));
    if (found == objects_.end()) return;
    object = std::move(found->second);
    objects_.erase(found);
  }

 private:
  // Looks like an aligned address, for callers that treat the handle as one.
  static constexpr uintptr_t kStep = 64;

  const char* what_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<uintptr_t, std::shared_ptr<Object>> objects_;
  uintptr_t next_ = 0;
};

}  // namespace demitasse
