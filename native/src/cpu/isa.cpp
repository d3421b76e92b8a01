#include "cpu/isa.h"

#include <cpuid.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace demitasse {
namespace {

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

uint64_t enabled_state() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

bool bit(uint32_t word, int index) { return (word >> index) & 1; }

CpuFeatures detect() {
  CpuFeatures features;
  const Registers leaf1 = cpuid(1, 0);
  const bool os_saves_state = bit(leaf1.ecx, 27);  // OSXSAVE
  if (!os_saves_state) return features;
  // The operating system must save the registers as well: XMM and YMM (bits 1, 2), then opmask and
  // ZMM (bits 5 to 7).
  const uint64_t state = enabled_state();
  const bool ymm = (state & 0x6) == 0x6;
  const bool zmm = (state & 0xe6) == 0xe6;
  const Registers leaf7 = cpuid(7, 0);
  const Registers leaf7_1 = cpuid(7, 1);
  features.avx2_fma_f16c = ymm && bit(leaf1.ecx, 12) && bit(leaf1.ecx, 28) && bit(leaf1.ecx, 29) &&
                           bit(leaf7.ebx, 5) && bit(leaf7.ebx, 8);
  const bool f = bit(leaf7.ebx, 16), dq = bit(leaf7.ebx, 17), bw = bit(leaf7.ebx, 30),
             vl = bit(leaf7.ebx, 31), vnni = bit(leaf7.ecx, 11);
  features.avx512_base_vnni = features.avx2_fma_f16c && zmm && f && dq && bw && vl && vnni;
  features.avx512_bf16 = features.avx512_base_vnni && bit(leaf7_1.eax, 5);
  features.avx512_vpopcntdq = features.avx512_base_vnni && bit(leaf7.ecx, 14);
  features.avx512_vbmi = features.avx512_base_vnni && bit(leaf7.ecx, 1);
  return features;
}

Isa capped(Isa best) {
  const char* cap = std::getenv("DEMITASSE_ISA");
  if (cap == nullptr) return best;
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (std::strcmp(cap, isa_name(isa)) == 0) return isa < best ? isa : best;
  }
  return best;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

Isa best_isa() {
  if (cpu_features().avx512_base_vnni) return Isa::avx512;
  if (cpu_features().avx2_fma_f16c) return Isa::avx2;
  return Isa::scalar;
}

Isa active_isa() {
  static const Isa isa = capped(best_isa());
  return isa;
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    default:
      return "scalar";
  }
}

}  // namespace demitasse
