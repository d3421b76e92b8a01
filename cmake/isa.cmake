# Flags per instruction set level, by file name: NAME_avx2.cpp, NAME_avx512.cpp, NAME_avx512bf16.cpp,
# NAME_avx512popcnt.cpp. All other files are compiled for the baseline and hold no kernels for newer CPUs.
set(DEMITASSE_AVX2 -mavx2 -mfma -mf16c -mbmi2)
# gcc 12 warns about its own headers' undefined vectors.
set(DEMITASSE_AVX512 ${DEMITASSE_AVX2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
                     -Wno-maybe-uninitialized)
set(DEMITASSE_AVX512BF16 ${DEMITASSE_AVX512} -mavx512bf16)
set(DEMITASSE_AVX512POPCNT ${DEMITASSE_AVX512} -mavx512vpopcntdq)

function(demitasse_isa_flags sources)
  foreach(source ${sources})
    if(source MATCHES "_avx2\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS ${DEMITASSE_AVX2})
    elseif(source MATCHES "_avx512\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS ${DEMITASSE_AVX512})
    elseif(source MATCHES "_avx512bf16\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS ${DEMITASSE_AVX512BF16})
    elseif(source MATCHES "_avx512popcnt\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS ${DEMITASSE_AVX512POPCNT})
    endif()
  endforeach()
endfunction()
