// The C ABI of linear algebra: checks, then OpenBLAS.
#include "demitasse/linalg.h"

#include <climits>

#include "core/error.h"
#include "linalg/open_blas.h"

namespace demitasse {
namespace {

// Values of CBLAS's enumerations.
constexpr int kRowMajor = 101, kUpper = 121;
int transposition(bool transposed) { return transposed ? 112 : 111; }

template <class T>
struct Array {
  const char* name;
  T* data;
  int64_t elements, offset, stride;

  // The first element of a rows x columns matrix in this array.
  T* matrix(int64_t rows, int64_t columns) const {
    int64_t last = 0;
    const bool fits = data != nullptr && offset >= 0 && stride >= columns && stride <= INT_MAX &&
                      rows >= 0 && columns >= 0 && rows <= INT_MAX &&
                      !__builtin_mul_overflow(rows == 0 ? 0 : rows - 1, stride, &last) &&
                      !__builtin_add_overflow(last, columns, &last) &&
                      !__builtin_add_overflow(last, offset, &last) && last <= elements;
    if (!fits) {
      fail(
          DMT_INVALID_ARGUMENT,
          "%s: [%lld x %lld] at offset %lld with stride %lld is not in an array of %lld elements%s",
          name, ll(rows), ll(columns), ll(offset), ll(stride), ll(elements),
          data == nullptr ? ", which is NULL" : "");
    }
    return data + offset;
  }
};

void check_square(const char* function, int64_t n) {
  if (n < 1) fail(DMT_INVALID_ARGUMENT, "%s: n is %lld", function, ll(n));
}

// LAPACK counts columns first: our upper triangle is its lower one.
constexpr char kLapackLower = 'L';

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_linalg_load(const char* path) {
  return guarded([&] { load_open_blas(path); });
}

int32_t dmt_linalg_loaded(void) { return open_blas_loaded() ? 1 : 0; }

int32_t dmt_linalg_gemm(int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n, int64_t k,
                        float alpha, const float* a, int64_t a_elements, int64_t a_offset,
                        int64_t a_stride, const float* b, int64_t b_elements, int64_t b_offset,
                        int64_t b_stride, float beta, float* c, int64_t c_elements,
                        int64_t c_offset, int64_t c_stride) {
  return guarded([&] {
    const bool ta = transpose_a != 0, tb = transpose_b != 0;
    const float* first = Array<const float>{"gemm: a", a, a_elements, a_offset, a_stride}.matrix(
        ta ? k : m, ta ? m : k);
    const float* second = Array<const float>{"gemm: b", b, b_elements, b_offset, b_stride}.matrix(
        tb ? n : k, tb ? k : n);
    float* result = Array<float>{"gemm: c", c, c_elements, c_offset, c_stride}.matrix(m, n);
    const OpenBlas& blas = open_blas();
    if (m == 0 || n == 0) return;
    blas.sgemm(kRowMajor, transposition(ta), transposition(tb), static_cast<int>(m),
               static_cast<int>(n), static_cast<int>(k), alpha, first, static_cast<int>(a_stride),
               second, static_cast<int>(b_stride), beta, result, static_cast<int>(c_stride));
  });
}

int32_t dmt_linalg_add_gram(int64_t m, int64_t n, const float* a, int64_t a_elements,
                            int64_t a_offset, int64_t a_stride, float* c, int64_t c_elements,
                            int64_t c_offset, int64_t c_stride) {
  return guarded([&] {
    const float* rows =
        Array<const float>{"gram: a", a, a_elements, a_offset, a_stride}.matrix(m, n);
    float* gram = Array<float>{"gram: c", c, c_elements, c_offset, c_stride}.matrix(n, n);
    const OpenBlas& blas = open_blas();
    if (m == 0 || n == 0) return;
    blas.ssyrk(kRowMajor, kUpper, transposition(true), static_cast<int>(n), static_cast<int>(m),
               1.0f, rows, static_cast<int>(a_stride), 1.0f, gram, static_cast<int>(c_stride));
  });
}

int32_t dmt_linalg_cholesky(int64_t n, double* a, int64_t a_elements, int64_t a_stride,
                            int64_t* defect) {
  return guarded([&] {
    check_square("cholesky", n);
    if (defect == nullptr) fail(DMT_INVALID_ARGUMENT, "cholesky: defect is NULL");
    double* matrix = Array<double>{"cholesky: a", a, a_elements, 0, a_stride}.matrix(n, n);
    const OpenBlas& blas = open_blas();
    const int size = static_cast<int>(n), stride = static_cast<int>(a_stride);
    int info = 0;
    blas.dpotrf(&kLapackLower, &size, matrix, &stride, &info);
    if (info < 0) fail(DMT_INTERNAL, "cholesky: dpotrf rejects argument %d", -info);
    *defect = info;
  });
}

int32_t dmt_linalg_cholesky_inverse(int64_t n, double* a, int64_t a_elements, int64_t a_stride) {
  return guarded([&] {
    check_square("cholesky_inverse", n);
    double* matrix = Array<double>{"cholesky_inverse: a", a, a_elements, 0, a_stride}.matrix(n, n);
    const OpenBlas& blas = open_blas();
    const int size = static_cast<int>(n), stride = static_cast<int>(a_stride);
    int info = 0;
    blas.dpotri(&kLapackLower, &size, matrix, &stride, &info);
    if (info < 0) fail(DMT_INTERNAL, "cholesky_inverse: dpotri rejects argument %d", -info);
    if (info > 0) {
      fail(DMT_INVALID_ARGUMENT, "cholesky_inverse: the factor's diagonal is zero at %d", info - 1);
    }
  });
}
