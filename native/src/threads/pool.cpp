#include "threads/pool.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>

#include "threads/available.h"

namespace demitasse {

struct Region {
  void (*body)(void*, int64_t, int64_t) = nullptr;
  void* context = nullptr;
  int64_t count = 0;
  int64_t chunk = 0;
  std::atomic<int64_t> next{0};
  std::atomic<int> workers{0};  // that may still touch this region
  std::atomic<bool> failed{false};
  std::exception_ptr error;  // written by the one that set `failed`

  void take_chunks() noexcept {
    for (;;) {
      const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        body(context, begin, std::min(begin + chunk, count));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
        next.store(count, std::memory_order_relaxed);  // the other chunks are not wanted any more
      }
    }
  }
};

namespace {

// Two operations of one inference follow each other within microseconds, waking a parked thread
// takes 5 to 50 us: spinning longer than that only burns the CPU of other tenants.
constexpr std::chrono::microseconds kSpin{50};

// A region starts no more chunks than this per thread: enough to even out threads that are
// disturbed, few enough for the counter not to matter.
constexpr int64_t kChunksPerThread = 8;

thread_local bool inside_region = false;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// Returns once value differs from `old`: spins for kSpin, then sleeps.
template <class T>
void await_change(const std::atomic<T>& value, T old) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
}

std::atomic<Pool*> the_pool{nullptr};

}  // namespace

struct alignas(64) Pool::Worker {
  // idle -> claimed (by a caller) -> posted -> running (by the worker) -> idle, or from posted back
  // to idle by the caller. The bits above count the claims, so that a caller takes back only what
  // it posted itself.
  enum State : uint32_t { idle = 0, claimed = 1, posted = 2, running = 3 };
  static constexpr uint32_t kStateMask = 3, kClaim = 4;

  std::atomic<uint32_t> state{idle};
  Region* region = nullptr;  // set between claimed and posted

  static constexpr uint32_t with(uint32_t word, State state) {
    return (word & ~kStateMask) | state;
  }
  static constexpr State state_of(uint32_t word) { return static_cast<State>(word & kStateMask); }
};

Pool::Pool() : workers_(new Worker[kMaxThreads]) {}

// Never destroyed: workers may still be parked in it while the process exits.
Pool& Pool::instance() {
  Pool* pool = the_pool.load(std::memory_order_acquire);
  if (pool != nullptr) return *pool;
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    the_pool.store(nullptr);
    inside_region = false;
  });
  (void)registered;
  Pool* created = new Pool();
  if (the_pool.compare_exchange_strong(pool, created)) return *created;
  delete created;
  return *pool;
}

void* Pool::work(void* argument) {
  Worker& worker = *static_cast<Worker*>(argument);
  inside_region = true;
  for (;;) {
    uint32_t word = worker.state.load(std::memory_order_acquire);
    if (Worker::state_of(word) != Worker::posted) {
      await_change(worker.state, word);
      continue;
    }
    if (!worker.state.compare_exchange_strong(word, Worker::with(word, Worker::running))) continue;
    Region& region = *worker.region;
    region.take_chunks();
    // Idle first: when the caller returns, its next region finds this worker. The region may be
    // gone as soon as the count is 0; notify_one() only uses its address.
    worker.state.store(Worker::with(word, Worker::idle), std::memory_order_release);
    if (region.workers.fetch_sub(1, std::memory_order_acq_rel) == 1) region.workers.notify_one();
  }
  return nullptr;
}

void Pool::grow(int wanted) {
  wanted = std::min(wanted, kMaxThreads - 1);
  if (started_.load(std::memory_order_acquire) >= wanted) return;
  const std::unique_lock<std::mutex> lock(growing_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  // Signals stay with the threads of the host program.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  for (int i = started_.load(); i < wanted; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &Pool::work, &workers_[i]) != 0) break;
    pthread_setname_np(thread, ("demitasse-" + std::to_string(i + 1)).c_str());
    pthread_detach(thread);
    started_.store(i + 1, std::memory_order_release);
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void Pool::run(Region& region, int threads) {
  grow(threads - 1);
  const int started = started_.load(std::memory_order_acquire);
  struct Claim {
    Worker* worker;
    uint32_t posted;
  };
  Claim claims[kMaxThreads];
  int count = 0;
  for (int i = 0; i < started && count < threads - 1; ++i) {
    Worker& worker = workers_[i];
    uint32_t word = worker.state.load(std::memory_order_relaxed);
    if (Worker::state_of(word) != Worker::idle) continue;
    const uint32_t next = word + Worker::kClaim;
    if (!worker.state.compare_exchange_strong(word, Worker::with(next, Worker::claimed))) continue;
    worker.region = &region;
    region.workers.fetch_add(1, std::memory_order_relaxed);
    const uint32_t posted = Worker::with(next, Worker::posted);
    worker.state.store(posted, std::memory_order_release);
    worker.state.notify_one();
    claims[count++] = {&worker, posted};
  }

  inside_region = true;
  region.take_chunks();
  inside_region = false;

  for (int i = 0; i < count; ++i) {
    uint32_t posted = claims[i].posted;
    if (claims[i].worker->state.compare_exchange_strong(posted,
                                                        Worker::with(posted, Worker::idle))) {
      region.workers.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  for (int left; (left = region.workers.load(std::memory_order_acquire)) != 0;) {
    await_change(region.workers, left);
  }
}

namespace {

class SerialExecutor final : public Executor {
 public:
  int threads() const override { return 1; }

 protected:
  void run(int64_t count, int64_t, void (*body)(void*, int64_t, int64_t),
           void* context) const override {
    if (count > 0) body(context, 0, count);
  }
};

}  // namespace

const Executor& serial_executor() {
  static const SerialExecutor executor;
  return executor;
}

PoolExecutor::PoolExecutor(int threads)
    : threads_(std::clamp(threads > 0 ? threads : available_threads(), 1, Pool::kMaxThreads)) {}

void PoolExecutor::run(int64_t count, int64_t grain, void (*body)(void*, int64_t, int64_t),
                       void* context) const {
  if (count <= 0) return;
  grain = std::clamp<int64_t>(grain, 1, count);
  const int64_t grains = (count - 1) / grain + 1;
  if (threads_ == 1 || grains == 1 || inside_region) return body(context, 0, count);
  Region region;
  region.body = body;
  region.context = context;
  region.count = count;
  region.chunk = grain * std::max<int64_t>(1, grains / (threads_ * kChunksPerThread));
  Pool::instance().run(region, static_cast<int>(std::min<int64_t>(threads_, grains)));
  if (region.error) std::rethrow_exception(region.error);
}

}  // namespace demitasse
