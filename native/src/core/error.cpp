#include "core/error.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace demitasse {
namespace {

thread_local char last_error[1024] = "";
thread_local int32_t last_error_operation = -1;

}  // namespace

void fail(dmt_status status, const char* format, ...) {
  char message[sizeof last_error];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  throw Error(status, message);
}

void set_last_error(const char* message, int32_t operation) noexcept {
  std::strncpy(last_error, message, sizeof last_error - 1);
  last_error_operation = operation;
}

}  // namespace demitasse

const char* dmt_last_error(void) { return demitasse::last_error; }

int32_t dmt_last_error_operation(void) { return demitasse::last_error_operation; }
