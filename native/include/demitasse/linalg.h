/* Dense linear algebra for compression and training, done by OpenBLAS on the calling thread.
 *
 * OpenBLAS is not part of this library: dmt_linalg_load opens it at run time, and until then every
 * function here fails with DMT_UNSUPPORTED. Nothing on the inference path needs it.
 *
 * Matrices are row-major: element (i, j) of a is at a[offset + i * stride + j]. A matrix is given
 * by its array, the number of elements that the array holds, the offset of its first element and
 * its stride, so that a call that would leave the array is DMT_INVALID_ARGUMENT. The result may not
 * overlap an operand. All functions are thread-safe. */
#ifndef DEMITASSE_LINALG_H
#define DEMITASSE_LINALG_H

#include "demitasse/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens OpenBLAS: `path` is its shared library (libopenblas.so.0), whose own dependencies lie
 * beside it or are found by the system. A second call does nothing. DMT_UNSUPPORTED if it cannot be
 * opened or lacks a function; the message has the system's reason. */
DMT_API int32_t dmt_linalg_load(const char* path);

/* 1 after a successful dmt_linalg_load, else 0. */
DMT_API int32_t dmt_linalg_loaded(void);

/* c[m][n] = alpha * op(a) op(b) + beta * c, where op(a) is m x k and op(b) k x n; op transposes
 * when its flag is not 0 (then a is stored as [k][m], b as [n][k]). */
DMT_API int32_t dmt_linalg_gemm(int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n,
                                int64_t k, float alpha, const float* a, int64_t a_elements,
                                int64_t a_offset, int64_t a_stride, const float* b,
                                int64_t b_elements, int64_t b_offset, int64_t b_stride, float beta,
                                float* c, int64_t c_elements, int64_t c_offset, int64_t c_stride);

/* The upper triangle of c[n][n] = c + a^T a, a being [m][n]; the strict lower triangle is left as
 * it is. */
DMT_API int32_t dmt_linalg_add_gram(int64_t m, int64_t n, const float* a, int64_t a_elements,
                                    int64_t a_offset, int64_t a_stride, float* c,
                                    int64_t c_elements, int64_t c_offset, int64_t c_stride);

/* Cholesky factorization a = r^T r of the symmetric a[n][n], of which the upper triangle is read
 * and replaced by r; the strict lower triangle is left as it is. *defect becomes 0, or, when a is
 * not positive definite, the order of the leading minor that is not; then the triangle holds no
 * factor. */
DMT_API int32_t dmt_linalg_cholesky(int64_t n, double* a, int64_t a_elements, int64_t a_stride,
                                    int64_t* defect);

/* Replaces the upper triangle that holds r by that of the inverse of r^T r. */
DMT_API int32_t dmt_linalg_cholesky_inverse(int64_t n, double* a, int64_t a_elements,
                                            int64_t a_stride);

#ifdef __cplusplus
}
#endif
#endif
