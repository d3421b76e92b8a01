// The process-wide pool of worker threads.
//
// A region (one parallel_for) claims the workers that are idle at that moment and never waits for
// busy ones, so any number of callers run at once and each finishes even if it gets no worker.
// Chunks are handed out by an atomic counter; the caller takes part until none is left, then takes
// back the workers that have not woken up yet and waits only for those that are in the middle of a
// chunk.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "threads/executor.h"

namespace demitasse {

struct Region;

class Pool {
 public:
  // Threads are started when they are first wanted and live as long as the process.
  static constexpr int kMaxThreads = 256;

  // One per process; after a fork the child gets a new one.
  static Pool& instance();

  // Runs the region on the caller and at most threads - 1 idle workers; returns when it is done.
  void run(Region& region, int threads);

 private:
  struct Worker;

  Pool();

  // Starts workers until there are `wanted`, unless another caller is starting some or the system
  // refuses.
  void grow(int wanted);
  static void* work(void* worker);

  std::unique_ptr<Worker[]> workers_;
  std::atomic<int> started_{0};
  std::mutex growing_;
};

// A share of the process-wide pool. Cheap to make, immutable, usable from several threads.
class PoolExecutor final : public Executor {
 public:
  // At most `threads` threads, the caller included; 0: available_threads(). More than the machine
  // has are honoured up to Pool::kMaxThreads.
  explicit PoolExecutor(int threads);

  int threads() const override { return threads_; }

 protected:
  void run(int64_t count, int64_t grain, void (*body)(void*, int64_t, int64_t),
           void* context) const override;

 private:
  int threads_;
};

}  // namespace demitasse
