#include "threads/available.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>

#include "demitasse/system.h"

namespace demitasse {
namespace {

// A root folder with the files that the kernel would show.
class Root {
 public:
  Root() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("demitasse-cgroup-") + test->name() + std::to_string(getpid()));
  }
  ~Root() { std::filesystem::remove_all(path_); }
  void file(const std::string& name, const std::string& text) {
    const std::filesystem::path target = path_ / name;
    std::filesystem::create_directories(target.parent_path());
    std::ofstream(target) << text;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

const char* const kVersion2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CgroupLimit, version2QuotaOfTheOwnGroup) {
  Root root;
  root.file("proc/self/mountinfo", kVersion2);
  root.file("proc/self/cgroup", "0::/pod/app\n");
  root.file("sys/fs/cgroup/pod/app/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_limit(root.path()), 1.5);
}

TEST(CgroupLimit, version2SmallestAncestorCounts) {
  Root root;
  root.file("proc/self/mountinfo", kVersion2);
  root.file("proc/self/cgroup", "0::/pod/app\n");
  root.file("sys/fs/cgroup/pod/app/cpu.max", "max 100000\n");
  root.file("sys/fs/cgroup/pod/cpu.max", "300000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_limit(root.path()), 3);
}

TEST(CgroupLimit, version2InsideAContainerNamespace) {
  Root root;
  root.file("proc/self/mountinfo", kVersion2);
  root.file("proc/self/cgroup", "0::/\n");
  root.file("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_limit(root.path()), 0.5);
}

TEST(CgroupLimit, version1QuotaSeenFromAContainer) {
  Root root;
  root.file("proc/self/mountinfo",
            "40 32 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
            "41 32 0:30 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n");
  root.file("proc/self/cgroup", "5:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n");
  root.file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  root.file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_limit(root.path()), 2);
}

TEST(CgroupLimit, noneWithoutQuotaOrFiles) {
  Root root;
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 0);
  root.file("proc/self/mountinfo", std::string("garbage\n - \n\n") + kVersion2);
  root.file("proc/self/cgroup", "0:\nnonsense\n0::relative/path\n");
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 0);
  root.file("proc/self/cgroup", "0::/\n");
  root.file("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 0);
}

TEST(AvailableThreads, areNotMoreThanTheAffinityMask) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_GE(dmt_available_threads(), 1);
  EXPECT_LE(dmt_available_threads(), CPU_COUNT(&set));
}

}  // namespace
}  // namespace demitasse
