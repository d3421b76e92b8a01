#include "cpu/isa.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "demitasse/system.h"

namespace demitasse {
namespace {

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// What the kernel says; it also checks that the operating system saves the registers.
std::set<std::string> kernel_flags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) == 0) return words(line.substr(line.find(':') + 1));
  }
  return {};
}

TEST(CpuFeatures, agreeWithTheKernel) {
  const std::set<std::string> kernel = kernel_flags();
  if (kernel.empty()) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  const auto all = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (kernel.count(name) == 0) return false;
    }
    return true;
  };
  const CpuFeatures& features = cpu_features();
  const bool avx2 = all({"avx", "avx2", "fma", "f16c", "bmi2"});
  const bool avx512 = avx2 && all({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"});
  EXPECT_EQ(features.avx2_fma_f16c, avx2);
  EXPECT_EQ(features.avx512_base_vnni, avx512);
  EXPECT_EQ(features.avx512_bf16, avx512 && all({"avx512_bf16"}));
  EXPECT_EQ(features.avx512_vpopcntdq, avx512 && all({"avx512_vpopcntdq"}));
  EXPECT_EQ(features.avx512_vbmi, avx512 && all({"avx512vbmi"}));
  EXPECT_EQ(best_isa(), avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::scalar);
  for (const std::string& name : words(dmt_cpu_features())) {
    EXPECT_TRUE(kernel.count(name == "avx512_vbmi" ? "avx512vbmi" : name)) << name;
  }
}

// Run by the next test, in a process of its own.
TEST(Isa, printActiveLevel) { std::printf("active=%s\n", dmt_isa()); }

std::string level_under(const std::string& cap) {
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return "?";
  const std::string command = "DEMITASSE_ISA='" + cap + "' '" + std::string(self) +
                              "' --gtest_filter=Isa.printActiveLevel 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "?";
  std::string output;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  pclose(pipe);
  const size_t at = output.find("active=");
  return at == std::string::npos ? output : output.substr(at + 7, output.find('\n', at) - at - 7);
}

TEST(Isa, environmentVariableCapsTheLevel) {
  EXPECT_EQ(level_under("scalar"), "scalar");
  EXPECT_EQ(level_under("avx2"), isa_name(std::min(best_isa(), Isa::avx2)));
  EXPECT_EQ(level_under("avx512"), isa_name(best_isa()));
  EXPECT_EQ(level_under(""), isa_name(best_isa()));
  EXPECT_EQ(level_under("nonsense"), isa_name(best_isa()));
}

}  // namespace
}  // namespace demitasse
