#include "program/plan.h"

#include <gtest/gtest.h>

#include <random>

namespace demitasse {
namespace {

TEST(Plan, chainOfEqualValuesTakesTwoPlaces) {
  std::vector<Lifetime> lifetimes;
  std::vector<int64_t> bytes;
  for (int i = 0; i < 20; ++i) {
    lifetimes.push_back({i, i, i + 1});
    bytes.push_back(1000);
  }
  EXPECT_EQ(place(lifetimes, bytes).bytes, 2 * 1024);
}

TEST(Plan, smallValueGoesIntoTheGapThatFitsBest) {
  // A (0..9) big, then B, C of different sizes that end, D small must reuse the smaller of both.
  const std::vector<Lifetime> lifetimes = {{0, 0, 9}, {1, 0, 1}, {2, 0, 9},
                                           {3, 0, 1}, {4, 0, 9}, {5, 2, 3}};
  const std::vector<int64_t> bytes = {640, 512, 448, 320, 256, 128};
  const Placement placement = place(lifetimes, bytes);
  EXPECT_EQ(placement.offsets[5], placement.offsets[3]);
  EXPECT_EQ(placement.bytes, 640 + 512 + 448 + 320 + 256);
}

TEST(Plan, livingValuesNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const int count = 1 + random() % 40;
    std::vector<Lifetime> lifetimes;
    std::vector<int64_t> bytes;
    int64_t sum = 0;
    for (int i = 0; i < count; ++i) {
      const int first = random() % 30;
      lifetimes.push_back({i, first, first + static_cast<int>(random() % 10)});
      bytes.push_back(random() % 5 == 0 ? 0 : random() % 10000);
      sum += (bytes.back() + 63) / 64 * 64;
    }
    const Placement placement = place(lifetimes, bytes);
    EXPECT_LE(placement.bytes, sum);
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(placement.offsets[i] % 64, 0);
      ASSERT_GE(placement.offsets[i], 0);
      ASSERT_LE(placement.offsets[i] + bytes[i], placement.bytes);
      for (int j = 0; j < i; ++j) {
        const bool together =
            lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
        const bool apart = placement.offsets[i] + bytes[i] <= placement.offsets[j] ||
                           placement.offsets[j] + bytes[j] <= placement.offsets[i];
        ASSERT_TRUE(!together || apart) << i << " and " << j;
      }
    }
  }
}

}  // namespace
}  // namespace demitasse
