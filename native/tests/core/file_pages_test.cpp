#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "demitasse/system.h"

namespace {

constexpr int64_t kPages = 16;

int64_t resident_pages(void* begin, int64_t bytes) {
  std::vector<unsigned char> state(kPages);
  EXPECT_EQ(mincore(begin, bytes, state.data()), 0);
  int64_t count = 0;
  for (unsigned char page : state) count += page & 1;
  return count;
}

class FilePages : public testing::Test {
 protected:
  void SetUp() override {
    bytes = kPages * sysconf(_SC_PAGESIZE);
    char name[] = "/tmp/demitasse-pages-XXXXXX";
    file = mkstemp(name);
    ASSERT_GE(file, 0);
    unlink(name);
    const std::vector<char> content(bytes, 7);
    ASSERT_EQ(write(file, content.data(), bytes), bytes);
  }
  void TearDown() override { close(file); }

  int file = -1;
  int64_t bytes = 0;
};

TEST_F(FilePages, contentOfAReadOnlyMappingComesBack) {
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const volatile char* content = static_cast<const char*>(mapped);
  EXPECT_EQ(content[bytes / 2], 7);
  EXPECT_EQ(dmt_release_file_pages(static_cast<char*>(mapped) + 100), bytes);
  for (int64_t i = 0; i < bytes; i += 1000) ASSERT_EQ(content[i], 7);
  munmap(mapped, bytes);
}

TEST_F(FilePages, otherMemoryKeepsItsContent) {
  void* anonymous =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(anonymous, MAP_FAILED);
  static_cast<char*>(anonymous)[0] = 5;
  EXPECT_EQ(dmt_release_file_pages(anonymous), 0);
  ASSERT_EQ(mprotect(anonymous, bytes, PROT_READ), 0);
  EXPECT_EQ(dmt_release_file_pages(anonymous), 0);
  EXPECT_EQ(static_cast<const char*>(anonymous)[0], 5);
  EXPECT_EQ(resident_pages(anonymous, bytes), 1);
  munmap(anonymous, bytes);

  void* writable = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  ASSERT_NE(writable, MAP_FAILED);
  static_cast<char*>(writable)[0] = 9;
  EXPECT_EQ(dmt_release_file_pages(writable), 0);
  EXPECT_EQ(static_cast<const char*>(writable)[0], 9);
  munmap(writable, bytes);

  const int local = 3;
  EXPECT_EQ(dmt_release_file_pages(&local), 0);
  EXPECT_EQ(dmt_release_file_pages(nullptr), 0);
  EXPECT_EQ(local, 3);
}

}  // namespace
