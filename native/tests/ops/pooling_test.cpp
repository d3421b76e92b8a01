#include "ops/operator_call.h"

namespace demitasse::testing {
namespace {

TEST(Pooling, MaximaOfOverlappingDilatedWindows) {
  const TestTensor x = tensor<float>({1, 1, 1, 7}, {1, 7, 3, -4, 5, 9, 2});
  std::vector<TestTensor> outputs{empty(DMT_F32, {1, 1, 1, 4}), empty(DMT_S64, {1, 1, 1, 4})};
  // kernel 1 x 3, stride 2, dilation 2, padding 1 in front and 2 behind
  ASSERT_EQ(try_call("MaxPool", {x}, outputs, {0, 1, 3, 1, 2, 1, 2, 0, 1, 0, 2}), DMT_OK)
      << dmt_last_error();
  EXPECT_EQ(outputs[0].values<float>(), (std::vector<float>{7, 9, 9, 9}));
  EXPECT_EQ(outputs[1].values<int64_t>(), (std::vector<int64_t>{1, 5, 5, 5}));
}

TEST(Pooling, IndicesCountColumnsFirstWhereAsked) {
  const TestTensor x = tensor<float>({1, 2, 2, 3}, {1, 2, 3, 4, 5, 9, 8, 2, 3, 4, 5, 6});
  std::vector<TestTensor> outputs{empty(DMT_F32, {1, 2, 1, 1}), empty(DMT_S64, {1, 2, 1, 1})};
  ASSERT_EQ(try_call("MaxPool", {x}, outputs, {1, 2, 3, 1, 1, 1, 1, 0, 0, 0, 0}), DMT_OK);
  EXPECT_EQ(outputs[1].values<int64_t>(), (std::vector<int64_t>{5, 6}));
}

TEST(Pooling, MeansCountPaddingOnlyWhereAskedAndNeverBehindIt) {
  const TestTensor x = tensor<float>({1, 1, 5}, {2, 4, 6, 8, 10});
  // kernel 3, stride 2, padding 1 in front; the last window of three reaches one behind x
  const std::vector<int64_t> window{3, 2, 1, 1, 0};
  const auto call = [&](int64_t count) {
    std::vector<int64_t> integers{count};
    integers.insert(integers.end(), window.begin(), window.end());
    return run("AveragePool", {x}, DMT_F32, {1, 1, 3}, integers).values<float>();
  };
  EXPECT_EQ(call(0), (std::vector<float>{3, 6, 9}));
  EXPECT_EQ(call(1), (std::vector<float>{2, 6, 9}));
}

TEST(Pooling, WholeChannelsOfAnyRank) {
  const TestTensor x = tensor<float>({1, 2, 2, 1, 2}, {3, -4, 0, 0, 1, 2, 2, 4});
  const std::vector<int64_t> dims{1, 2, 1, 1, 1};
  EXPECT_EQ(run("GlobalAveragePool", {x}, DMT_F32, dims).values<float>(),
            (std::vector<float>{-0.25f, 2.25f}));
  EXPECT_EQ(run("GlobalMaxPool", {x}, DMT_F32, dims).values<float>(), (std::vector<float>{3, 4}));
  EXPECT_EQ(run("GlobalLpPool", {x}, DMT_F32, dims, {2}).values<float>(),
            (std::vector<float>{5, 5}));
  EXPECT_EQ(run("GlobalLpPool", {x}, DMT_F32, dims, {1}).values<float>(),
            (std::vector<float>{7, 9}));
}

TEST(Pooling, WindowsLargerThanMemoryAreBoundedByTheInput) {
  const TestTensor x = tensor<float>({1, 1, 2}, {1, 3});
  const int64_t huge = INT32_MAX;
  EXPECT_EQ(
      run("AveragePool", {x}, DMT_F32, {1, 1, 1}, {0, huge, 1, 1, huge - 2, 0}).values<float>(),
      (std::vector<float>{2}));
  EXPECT_EQ(
      run("MaxPool", {x}, DMT_F32, {1, 1, 1}, {0, huge, huge, 1, huge - 2, 0}).values<float>(),
      (std::vector<float>{3}));
}

}  // namespace
}  // namespace demitasse::testing
