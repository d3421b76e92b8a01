#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "demitasse/system.h"

namespace {

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

struct Mapping {
  uintptr_t begin = 0, end = 0;
};

// The read-only mapping of a file around an address, as the kernel lists it; empty if there is
// none. Asked anew each time: what lies at an address can change, and dropping pages of any other
// kind would lose their content.
Mapping file_mapping(uintptr_t address) {
  const std::unique_ptr<FILE, CloseFile> maps(std::fopen("/proc/self/maps", "re"));
  if (maps == nullptr) return {};
  char line[512];
  while (std::fgets(line, sizeof line, maps.get()) != nullptr) {
    uintptr_t begin = 0, end = 0;
    uint64_t inode = 0;
    char permissions[5] = "";
    const int fields = std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %" SCNu64, &begin,
                                   &end, permissions, &inode);
    if (fields != 4 || address < begin || address >= end) continue;
    const bool read_only = permissions[0] == 'r' && permissions[1] == '-' && permissions[2] == '-';
    return read_only && inode != 0 ? Mapping{begin, end} : Mapping{};
  }
  return {};
}

}  // namespace

int64_t dmt_release_file_pages(const void* address) {
  const Mapping mapping = file_mapping(reinterpret_cast<uintptr_t>(address));
  const size_t bytes = mapping.end - mapping.begin;
  if (bytes == 0) return 0;
  if (madvise(reinterpret_cast<void*>(mapping.begin), bytes, MADV_DONTNEED) != 0) return 0;
  return static_cast<int64_t>(bytes);
}
