/* What this machine offers and what the library made of it. All functions are thread-safe. */
#ifndef DEMITASSE_SYSTEM_H
#define DEMITASSE_SYSTEM_H

#include "demitasse/status.h"

#ifdef __cplusplus
extern "C" {
#endif

DMT_API const char* dmt_version(void);

/* The instruction set level in use: "scalar", "avx2" or "avx512". It is the highest one that the
 * CPU and the operating system support, capped by the environment variable DEMITASSE_ISA. */
DMT_API const char* dmt_isa(void);

/* Space-separated CPU features that kernels ask for, such as "avx512_vnni avx512_bf16". */
DMT_API const char* dmt_cpu_features(void);

/* Threads that this process may use at once: the CPU affinity mask, lowered by a cgroup CPU quota.
 */
DMT_API int32_t dmt_available_threads(void);

/* Native objects (weights, programs) and bytes that are alive: both return to their old values when
 * everything created since has been released. */
DMT_API int64_t dmt_live_objects(void);
DMT_API int64_t dmt_live_bytes(void);

/* For memory that was read once and is not needed soon, such as the source of a packed weight:
 * drops the resident pages of the read-only file mapping that holds `address`. They come back from
 * the file when touched. Returns the bytes that the mapping spans; 0, with nothing done, for any
 * other memory. */
DMT_API int64_t dmt_release_file_pages(const void* address);

#ifdef __cplusplus
}
#endif
#endif
