#include "threads/pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/error.h"

namespace demitasse {
namespace {

// Every index once, whatever the grain; ranges keep to the grain.
void check_cover(const Executor& executor, int64_t count, int64_t grain) {
  std::vector<std::atomic<int>> seen(count);
  std::atomic<int64_t> bad{0};
  executor.parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    if (begin < 0 || end > count || begin >= end) ++bad;
    if (end - begin < grain && end != count) ++bad;
    for (int64_t i = begin; i < end; ++i) ++seen[i];
  });
  ASSERT_EQ(bad, 0) << count << " by " << grain;
  for (int64_t i = 0; i < count; ++i) ASSERT_EQ(seen[i], 1) << i << " of " << count;
}

TEST(Pool, rangesCoverEveryIndexOnce) {
  for (int threads : {1, 2, 3, 5, 16}) {
    const PoolExecutor executor(threads);
    EXPECT_EQ(executor.threads(), threads);
    for (int64_t count : {0, 1, 2, 7, 64, 1000, 12345}) {
      for (int64_t grain : {1, 3, 64, 5000}) check_cover(executor, count, grain);
    }
  }
  check_cover(serial_executor(), 100, 7);
}

TEST(Pool, threadsTakePartUpToTheLimit) {
  std::atomic<int> at_once{0}, most{0};
  for (int round = 0; round < 50 && most < 4; ++round) {
    PoolExecutor(4).parallel_for(8, 1, [&](int64_t begin, int64_t end) {
      const int now = ++at_once;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(end - begin));
      --at_once;
    });
  }
  EXPECT_EQ(most, 4);
}

TEST(Pool, exceptionIsRethrownAndThePoolStaysUsable) {
  const PoolExecutor executor(5);
  for (int round = 0; round < 200; ++round) {
    try {
      executor.parallel_for(100, 1, [&](int64_t begin, int64_t end) {
        if (begin <= 50 && 50 < end) fail(DMT_INVALID_ARGUMENT, "index %d", 50);
      });
      FAIL() << "nothing thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), DMT_INVALID_ARGUMENT);
      EXPECT_STREQ(error.what(), "index 50");
    }
    check_cover(executor, 100, 1);
  }
  EXPECT_THROW(
      serial_executor().parallel_for(1, 1, [](int64_t, int64_t) { throw std::runtime_error("x"); }),
      std::runtime_error);
}

TEST(Pool, nestedRegionRunsInline) {
  const PoolExecutor executor(4);
  std::atomic<int64_t> sum{0}, moved{0};
  executor.parallel_for(64, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const std::thread::id here = std::this_thread::get_id();
      executor.parallel_for(10, 1, [&](int64_t from, int64_t to) {
        if (std::this_thread::get_id() != here) ++moved;
        sum += to - from;
      });
    }
  });
  EXPECT_EQ(sum, 640);
  EXPECT_EQ(moved, 0);
}

TEST(Pool, concurrentCallersAllFinish) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> total{0};
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&, c] {
      const PoolExecutor executor(1 + c % 5);
      for (int round = 0; round < 2000; ++round) {
        std::atomic<int64_t> sum{0};
        executor.parallel_for(97, 1 + round % 9, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) sum += i;
        });
        ASSERT_EQ(sum, 97 * 96 / 2);
        total += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, int64_t{8} * 2000 * (97 * 96 / 2));
}

TEST(Pool, callerNeverWaitsForBusyWorkers) {
  std::atomic<bool> release{false};
  std::atomic<int> inside{0};
  std::thread hog([&] {
    PoolExecutor(Pool::kMaxThreads).parallel_for(3, 1, [&](int64_t, int64_t) {
      ++inside;
      while (!release) std::this_thread::yield();
    });
  });
  while (inside == 0) std::this_thread::yield();
  check_cover(PoolExecutor(3), 1000, 1);
  release = true;
  hog.join();
}

TEST(Pool, forkedChildGetsItsOwnWorkers) {
  check_cover(PoolExecutor(3), 100, 1);
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> sum{0};
    PoolExecutor(3).parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    _exit(sum == 100 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Pool, idleWorkersDoNotBurnCpu) {
  check_cover(PoolExecutor(4), 1000, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 50);
}

}  // namespace
}  // namespace demitasse
