// The border of linear algebra. What it computes is tested from Java, where OpenBLAS's library is
// at hand.
#include "demitasse/linalg.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace {

TEST(LinalgTest, aMissingLibraryIsReportedWithTheSystemsReason) {
  EXPECT_EQ(dmt_linalg_load("/nowhere/libopenblas.so.0"), DMT_UNSUPPORTED);
  EXPECT_NE(std::string(dmt_last_error()).find("/nowhere/libopenblas.so.0"), std::string::npos)
      << dmt_last_error();
  EXPECT_EQ(dmt_linalg_load(nullptr), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_loaded(), 0);
}

TEST(LinalgTest, aLibraryWithoutItsFunctionsIsNotTaken) {
  EXPECT_EQ(dmt_linalg_load("libm.so.6"), DMT_UNSUPPORTED);
  EXPECT_NE(std::string(dmt_last_error()).find("cblas_sgemm"), std::string::npos)
      << dmt_last_error();
  EXPECT_EQ(dmt_linalg_loaded(), 0);
}

TEST(LinalgTest, withoutOpenBlasFunctionsSaySo) {
  float a[4] = {}, c[4] = {};
  double d[4] = {1, 0, 0, 1};
  int64_t defect = 0;
  EXPECT_EQ(dmt_linalg_gemm(0, 0, 2, 2, 2, 1, a, 4, 0, 2, a, 4, 0, 2, 0, c, 4, 0, 2),
            DMT_UNSUPPORTED);
  EXPECT_EQ(dmt_linalg_add_gram(2, 2, a, 4, 0, 2, c, 4, 0, 2), DMT_UNSUPPORTED);
  EXPECT_EQ(dmt_linalg_cholesky(2, d, 4, 2, &defect), DMT_UNSUPPORTED);
  EXPECT_EQ(dmt_linalg_cholesky_inverse(2, d, 4, 2), DMT_UNSUPPORTED);
}

TEST(LinalgTest, matricesOutsideTheirArraysAreRejected) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  float a[6] = {}, c[4] = {};
  double d[4] = {1, 0, 0, 1};
  int64_t defect = 0;
  const auto gemm = [&](int64_t m, int64_t n, int64_t k, int64_t elements, int64_t offset,
                        int64_t stride) {
    return dmt_linalg_gemm(0, 0, m, n, k, 1, a, elements, offset, stride, a, 6, 0, 2, 0, c, 4, 0,
                           2);
  };
  EXPECT_EQ(gemm(2, 2, 3, 5, 0, 3), DMT_INVALID_ARGUMENT);      // too few elements
  EXPECT_EQ(gemm(2, 2, 3, 6, 1, 3), DMT_INVALID_ARGUMENT);      // offset
  EXPECT_EQ(gemm(2, 2, 3, 6, -1, 3), DMT_INVALID_ARGUMENT);     // before the array
  EXPECT_EQ(gemm(2, 2, 3, 6, 0, 2), DMT_INVALID_ARGUMENT);      // rows overlap
  EXPECT_EQ(gemm(kHuge, 2, 3, 6, 0, 3), DMT_INVALID_ARGUMENT);  // overflow
  EXPECT_EQ(gemm(2, 2, 3, 6, kHuge, 3), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(gemm(-1, 2, 3, 6, 0, 3), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_add_gram(3, 2, nullptr, 6, 0, 2, c, 4, 0, 2), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_add_gram(3, 2, a, 6, 0, 2, c, 3, 0, 2), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_cholesky(3, d, 4, 3, &defect), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_cholesky(0, d, 4, 3, &defect), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_cholesky(2, d, 4, 2, nullptr), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_linalg_cholesky_inverse(2, d, 3, 2), DMT_INVALID_ARGUMENT);
}

}  // namespace
