// Finds OpenBLAS at run time.
#include "linalg/open_blas.h"

#include <dlfcn.h>

#include <atomic>
#include <mutex>

#include "core/error.h"

namespace demitasse {
namespace {

std::mutex loading;
std::atomic<const OpenBlas*> loaded{nullptr};

template <class Function>
void resolve(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  if (function == nullptr) fail(DMT_UNSUPPORTED, "OpenBLAS: it has no function %s", name);
}

OpenBlas functions_of(void* library) {
  OpenBlas blas{};
  resolve(library, "cblas_sgemm", blas.sgemm);
  resolve(library, "cblas_ssyrk", blas.ssyrk);
  resolve(library, "dpotrf_", blas.dpotrf);
  resolve(library, "dpotri_", blas.dpotri);
  resolve(library, "openblas_set_num_threads", blas.set_num_threads);
  return blas;
}

}  // namespace

void load_open_blas(const char* path) {
  if (path == nullptr) fail(DMT_INVALID_ARGUMENT, "OpenBLAS: path is NULL");
  const std::lock_guard<std::mutex> lock(loading);
  if (loaded != nullptr) return;
  // Its symbols stay its own: another BLAS in the process is neither used nor disturbed.
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    fail(DMT_UNSUPPORTED, "OpenBLAS: %s", reason == nullptr ? path : reason);
  }
  try {
    // Never freed, never unloaded: other threads may be inside.
    const OpenBlas* blas = new OpenBlas(functions_of(library));
    blas->set_num_threads(1);
    loaded = blas;
  } catch (...) {
    dlclose(library);
    throw;
  }
}

const OpenBlas& open_blas() {
  const OpenBlas* blas = loaded;
  if (blas == nullptr) fail(DMT_UNSUPPORTED, "OpenBLAS has not been loaded");
  return *blas;
}

bool open_blas_loaded() noexcept { return loaded != nullptr; }

}  // namespace demitasse
