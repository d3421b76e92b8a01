// The machine as the C ABI shows it.
#include "demitasse/system.h"

#include <string>

#include "core/live.h"
#include "cpu/isa.h"
#include "threads/available.h"

namespace demitasse {
namespace {

std::string feature_names(const CpuFeatures& features) {
  std::string list;
  const auto add = [&list](bool present, const char* name) {
    if (present) list.append(list.empty() ? "" : " ").append(name);
  };
  add(features.avx2_fma_f16c, "avx2 fma f16c");
  add(features.avx512_base_vnni, "avx512f avx512bw avx512dq avx512vl avx512_vnni");
  add(features.avx512_bf16, "avx512_bf16");
  add(features.avx512_vpopcntdq, "avx512_vpopcntdq");
  add(features.avx512_vbmi, "avx512_vbmi");
  return list;
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

const char* dmt_version(void) { return DEMITASSE_VERSION; }

const char* dmt_isa(void) { return isa_name(active_isa()); }

const char* dmt_cpu_features(void) {
  // Never destroyed: callers may keep the pointer until the process ends.
  static const std::string& names = *new std::string(feature_names(cpu_features()));
  return names.c_str();
}

int32_t dmt_available_threads(void) { return available_threads(); }

int64_t dmt_live_objects(void) { return live_objects(); }

int64_t dmt_live_bytes(void) { return live_bytes(); }
