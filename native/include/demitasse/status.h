/* Status codes and error messages of the Demitasse C ABI.
 *
 * Every function that can fail returns a dmt_status as int32_t. On failure the calling thread's
 * message is available from dmt_last_error() until its next failing call. No exception crosses this
 * border and nothing aborts: every pointer, size and index is checked. */
#ifndef DEMITASSE_STATUS_H
#define DEMITASSE_STATUS_H

#include <stdint.h>

#if defined(_WIN32)
#define DMT_API __declspec(dllexport)
#else
#define DMT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum dmt_status {
  DMT_OK = 0,
  DMT_INVALID_ARGUMENT = 1, /* the caller can fix it: the message names the argument */
  DMT_OUT_OF_MEMORY = 2,
  DMT_UNSUPPORTED = 3, /* valid, but no kernel or operator exists for it */
  DMT_INTERNAL = 4     /* a defect of this library */
};

/* Message of the last failure on this thread; empty if there was none. Never NULL. */
DMT_API const char* dmt_last_error(void);

/* The operation of a program in which the last failure on this thread arose while the program ran:
 * 0 for the first that was added; -1 if it arose anywhere else. */
DMT_API int32_t dmt_last_error_operation(void);

#ifdef __cplusplus
}
#endif
#endif
