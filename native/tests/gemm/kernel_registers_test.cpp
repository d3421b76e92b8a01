// The sums of a tile stay in registers: the micro-kernels' code has no vector load or store
// relative to the stack pointer.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// tile_loop.h's functions hold the inlined tiles.
bool is_tile_loop(const std::string& line) {
  return line.find("all_tiles<") != std::string::npos ||
         line.find("short_tile<") != std::string::npos;
}

TEST(KernelRegisters, tilesDoNotSpill) {
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
  GTEST_SKIP() << "needs an optimized build without sanitizers";
#endif
  if (std::system("objdump --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "needs objdump";
  const std::string command =
      "objdump -dC --no-show-raw-insn /proc/" + std::to_string(getpid()) + "/exe 2> /dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string function;
  int functions = 0;
  bool inside = false;
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) {
    const std::string line = buffer;
    if (line.find(">:") != std::string::npos && line[0] != ' ') {
      function = line;
      inside = is_tile_loop(line);
      functions += inside;
    } else if (inside && line.find("mm") != std::string::npos &&
               line.find("(%rsp)") != std::string::npos) {
      ADD_FAILURE() << function << line;
      inside = false;
    }
  }
  pclose(pipe);
  EXPECT_GE(functions, 10) << "the tile loops were not found";
}

}  // namespace
