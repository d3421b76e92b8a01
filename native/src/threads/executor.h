// How an operation spreads its work: a view of the process-wide pool, or the calling thread alone.
#pragma once

#include <cstdint>
#include <type_traits>

namespace demitasse {

class Executor {
 public:
  virtual ~Executor() = default;

  // At most this many threads take part; 1 means that everything runs inline.
  virtual int threads() const = 0;

  // Calls body(begin, end) for disjoint ranges that cover [0, count), each at least `grain` long
  // but the last. The caller takes part. An exception thrown by a body is rethrown here after all
  // ranges have ended. Inside a body, use serial_executor(): nesting is not supported.
  template <class Body>
  void parallel_for(int64_t count, int64_t grain, Body&& body) const {
    using Plain = std::remove_reference_t<Body>;
    run(
        count, grain,
        [](void* context, int64_t begin, int64_t end) {
          (*static_cast<Plain*>(context))(begin, end);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 protected:
  virtual void run(int64_t count, int64_t grain, void (*body)(void*, int64_t, int64_t),
                   void* context) const = 0;
};

// Runs everything on the calling thread.
const Executor& serial_executor();

}  // namespace demitasse
