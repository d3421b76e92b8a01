#include "threads/available.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

namespace demitasse {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return std::nullopt;
  std::string text;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  std::fclose(file);
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool contains(const std::string& comma_list, const char* item) {
  const std::vector<std::string> parts = split(comma_list, ',');
  return std::find(parts.begin(), parts.end(), item) != parts.end();
}

struct Hierarchy {
  bool version2 = false;
  std::string mount_root;   // the cgroup that is visible at the mount point
  std::string mount_point;  // where
  std::string path;         // this process's cgroup
};

// /proc/self/mountinfo: "36 35 0:30 ROOT POINT options ... - TYPE source super-options".
std::vector<Hierarchy> cpu_hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  for (const std::string& line :
       split(read_file(root + "/proc/self/mountinfo").value_or(""), '\n')) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    if (dash[1] == "cgroup2") {
      found.push_back({true, fields[3], fields[4], {}});
    } else if (dash[1] == "cgroup" && contains(dash[3], "cpu")) {
      found.push_back({false, fields[3], fields[4], {}});
    }
  }
  // /proc/self/cgroup: "0::/path" for version 2, "4:cpu,cpuacct:/path" for version 1.
  for (const std::string& line : split(read_file(root + "/proc/self/cgroup").value_or(""), '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    for (Hierarchy& hierarchy : found) {
      if (hierarchy.version2 ? controllers.empty() : contains(controllers, "cpu")) {
        hierarchy.path = line.substr(second + 1);
      }
    }
  }
  return found;
}

// 0: no limit in this folder.
double limit_in(const std::string& folder, bool version2) {
  double quota = 0, period = 0;
  if (version2) {
    const std::string text = read_file(folder + "/cpu.max").value_or("");
    if (std::sscanf(text.c_str(), "%lf %lf", &quota, &period) != 2) return 0;  // "max 100000"
  } else {
    quota = std::atof(read_file(folder + "/cpu.cfs_quota_us").value_or("").c_str());
    period = std::atof(read_file(folder + "/cpu.cfs_period_us").value_or("").c_str());
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

int affinity_cpus() {
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(cpus);
    const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

double cgroup_cpu_limit(const std::string& root) {
  double limit = 0;
  for (const Hierarchy& hierarchy : cpu_hierarchies(root)) {
    // In a container the path may name the host's tree, of which only the mount point is visible.
    std::string below = hierarchy.path;
    if (hierarchy.mount_root != "/" && below.rfind(hierarchy.mount_root, 0) == 0) {
      below.erase(0, hierarchy.mount_root.size());
    }
    // Every ancestor's quota counts.
    for (;;) {
      while (!below.empty() && below.back() == '/') below.pop_back();
      const double here = limit_in(root + hierarchy.mount_point + below, hierarchy.version2);
      if (here > 0 && (limit == 0 || here < limit)) limit = here;
      if (below.empty()) break;
      below.erase(below.rfind('/') == std::string::npos ? 0 : below.rfind('/'));
    }
  }
  return limit;
}

int available_threads() {
  static const int threads = [] {
    int count = affinity_cpus();
    const double limit = cgroup_cpu_limit("");
    if (limit > 0) count = std::min<double>(count, std::ceil(limit));
    return std::max(count, 1);
  }();
  return threads;
}

}  // namespace demitasse
