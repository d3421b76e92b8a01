#include "core/error.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace demitasse {
namespace {

thread_local char last_error[1024] = "";

}  // namespace

void fail(dmt_status status, const char* format, ...) {
  char message[sizeof last_error];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  throw Error(status, message);
}

void set_last_error(const char* message) noexcept {
  std::strncpy(last_error, message, sizeof last_error - 1);
}

}  // namespace demitasse

const char* dmt_last_error(void) { return demitasse::last_error; }
