// Errors inside the library: thrown as Error, turned into a status code at the C border.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "demitasse/status.h"

namespace demitasse {

class Error : public std::exception {
 public:
  Error(dmt_status status, std::string message) : status_(status), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  dmt_status status() const noexcept { return status_; }

  // The operation of a program that failed, counted as they were added; -1 for none.
  int32_t operation() const noexcept { return operation_; }
  void set_operation(int32_t operation) noexcept { operation_ = operation; }

 private:
  dmt_status status_;
  int32_t operation_ = -1;
  std::string message_;
};

// printf-style; throws Error.
[[noreturn]] void fail(dmt_status status, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

// For printf's %lld.
inline long long ll(int64_t number) { return static_cast<long long>(number); }

// Remembers the message for dmt_last_error(), and the operation for dmt_last_error_operation().
void set_last_error(const char* message, int32_t operation = -1) noexcept;

// Runs the body of a C function: exceptions become status codes.
template <class Body>
int32_t guarded(Body&& body) noexcept {
  try {
    body();
    return DMT_OK;
  } catch (const Error& error) {
    set_last_error(error.what(), error.operation());
    return error.status();
  } catch (const std::bad_alloc&) {
    set_last_error("out of native memory");
    return DMT_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    set_last_error(error.what());
    return DMT_INTERNAL;
  } catch (...) {
    set_last_error("unknown failure");
    return DMT_INTERNAL;
  }
}

}  // namespace demitasse
