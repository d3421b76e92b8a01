// The sums of a tile stay in registers: where the micro-kernels multiply and add, no vector is
// loaded or stored relative to the stack pointer. What comes once after the sums may use the stack.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

struct Instruction {
  unsigned long address;
  std::string text;
};

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

bool multiplies_integers(const std::string& text) {
  return contains(text, "vpdp") || contains(text, "vpmadd");
}

bool multiplies_floats(const std::string& text) {
  return contains(text, "vfmadd") || contains(text, "vdpbf16");
}

bool spills(const std::string& text) { return contains(text, "mm") && contains(text, "(%rsp)"); }

// Where a conditional jump backwards goes to; 0 for all else. Unconditional ones lead from code
// that was moved out of the way back to where it belongs: no loop.
unsigned long loop_start(const Instruction& instruction) {
  const size_t jump = instruction.text.find("\tj");
  if (jump == std::string::npos || contains(instruction.text, "\tjmp")) return 0;
  const size_t operand = instruction.text.find(' ', jump);
  if (operand == std::string::npos) return 0;
  const unsigned long target = std::strtoul(instruction.text.c_str() + operand, nullptr, 16);
  return target <= instruction.address ? target : 0;
}

// The first spill in an innermost loop that multiplies and adds; empty if there is none. In tiles
// of integers, floats are only multiplied after the sums.
std::string spill_in_inner_loop(const std::vector<Instruction>& function) {
  bool integers = false;
  for (const Instruction& i : function) integers = integers || multiplies_integers(i.text);
  const auto multiplies_and_adds = integers ? multiplies_integers : multiplies_floats;
  for (size_t end = 0; end < function.size(); ++end) {
    const unsigned long start = loop_start(function[end]);
    if (start == 0) continue;
    std::string spill;
    bool multiplies = false, innermost = true;
    for (size_t i = end; i-- > 0 && function[i].address >= start;) {
      innermost = innermost && loop_start(function[i]) == 0;
      multiplies = multiplies || multiplies_and_adds(function[i].text);
      if (spills(function[i].text)) spill = function[i].text;
    }
    if (innermost && multiplies && !spill.empty()) return spill;
  }
  return "";
}

// These functions, of tile_loop.h and code_tile.inl, hold the inlined tiles.
bool is_tile_loop(const std::string& line) {
  for (const char* name : {"all_tiles<", "short_tile<", "block_tiles<"}) {
    if (line.find(name) != std::string::npos) return true;
  }
  return false;
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
  std::string name;
  std::vector<Instruction> function;
  int functions = 0, loops = 0;
  const auto check = [&] {
    if (function.empty()) return;
    ++functions;
    for (const Instruction& instruction : function) loops += loop_start(instruction) != 0;
    const std::string spill = spill_in_inner_loop(function);
    if (!spill.empty()) ADD_FAILURE() << name << spill;
    function.clear();
  };
  char buffer[4096];
  bool inside = false;
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) {
    const std::string line = buffer;
    if (contains(line, ">:") && line[0] != ' ') {
      check();
      name = line;
      inside = is_tile_loop(line);
    } else if (inside && line[0] == ' ') {
      function.push_back({std::strtoul(buffer, nullptr, 16), line});
    }
  }
  check();
  pclose(pipe);
  EXPECT_GE(functions, 10) << "the tile loops were not found";
  EXPECT_GE(loops, functions) << "the loops were not found";
}

}  // namespace
