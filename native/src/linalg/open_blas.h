// OpenBLAS as it is found at run time: the few functions in use, by their C signatures.
#pragma once

namespace demitasse {

// cblas.h is not included: that of arm64 does not compile as C++ with every compiler.
struct OpenBlas {
  void (*sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);
  void (*ssyrk)(int order, int uplo, int transpose, int n, int k, float alpha, const float* a,
                int lda, float beta, float* c, int ldc);
  void (*dpotrf)(const char* uplo, const int* n, double* a, const int* lda, int* info);
  void (*dpotri)(const char* uplo, const int* n, double* a, const int* lda, int* info);
  void (*set_num_threads)(int count);
};

// Opens the library once; throws Error.
void load_open_blas(const char* path);

// Throws Error if it has not been loaded.
const OpenBlas& open_blas();

bool open_blas_loaded() noexcept;

}  // namespace demitasse
