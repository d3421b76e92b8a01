// How many threads this process may use at once.
#pragma once

#include <string>

namespace demitasse {

// CPUs in the affinity mask, lowered by the cgroup CPU quota; at least 1. Fixed at the first call.
int available_threads();

// CPUs that the process's cgroup (version 1 or 2) and its ancestors allow per period; 0 when there
// is no limit. `root` is put before every path that is read: empty but for tests.
double cgroup_cpu_limit(const std::string& root);

}  // namespace demitasse
