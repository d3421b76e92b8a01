// The instruction set levels kernels are written for, and which one is in use.
#pragma once

namespace demitasse {

enum class Isa { scalar = 0, avx2 = 1, avx512 = 2 };

// Optional features on top of avx512.
struct CpuFeatures {
  bool avx2_fma_f16c = false;     // all that the avx2 level needs, with operating-system support
  bool avx512_base_vnni = false;  // F, BW, DQ, VL and VNNI: all that the avx512 level needs
  bool avx512_bf16 = false;
  bool avx512_vpopcntdq = false;
  bool avx512_vbmi = false;
};

const CpuFeatures& cpu_features();

// The highest supported level, capped by DEMITASSE_ISA; fixed at the first call.
Isa active_isa();

// The highest level that this CPU could run, whatever DEMITASSE_ISA says: tests loop up to it.
Isa best_isa();

const char* isa_name(Isa isa);

}  // namespace demitasse
