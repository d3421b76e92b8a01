// Accounting of the native objects that callers hold: a leak shows as a count that does not return.
#pragma once

#include <cstdint>

namespace demitasse {

int64_t live_objects();
int64_t live_bytes();

// Counts one object for as long as it lives, and the bytes it is told of.
class LiveObject {
 public:
  LiveObject();
  ~LiveObject();
  LiveObject(const LiveObject&) = delete;
  LiveObject& operator=(const LiveObject&) = delete;
};

// Counts the bytes of one owner. Not thread-safe; the totals are.
class LiveBytes {
 public:
  LiveBytes() = default;
  explicit LiveBytes(int64_t bytes) { set(bytes); }
  ~LiveBytes() { set(0); }
  LiveBytes(const LiveBytes&) = delete;
  LiveBytes& operator=(const LiveBytes&) = delete;

  void set(int64_t bytes);
  int64_t get() const { return bytes_; }

 private:
  int64_t bytes_ = 0;
};

}  // namespace demitasse
