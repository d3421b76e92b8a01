package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import java.util.Arrays;

/**
 * Thread-safe: dense linear algebra by OpenBLAS, on the calling thread. For compression and
 * training; inference does without.
 *
 * <p>OpenBLAS is loaded at the first call, from the jar {@code org.bytedeco:openblas} with the
 * platform as classifier, or from the file that the system property {@code demitasse.openblas}
 * names. If that fails, every method throws an {@link UnsupportedOperationException} that says what
 * to do.
 */
public final class LinearAlgebra {
  private LinearAlgebra() {}

  /**
   * Immutable, over elements that may change: a row-major matrix inside an array. Element (i, j) is
   * {@code elements[offset + i * stride + j]}.
   */
  public record Matrix(float[] elements, int offset, int rows, int columns, int stride) {
    public static Matrix of(float[] elements, int rows, int columns) {
      return new Matrix(elements, 0, rows, columns, columns);
    }

    /** A part of the matrix that shares its elements. */
    public Matrix part(int firstRow, int rows, int firstColumn, int columns) {
      return new Matrix(elements, offset + firstRow * stride + firstColumn, rows, columns, stride);
    }

    @Override
    public String toString() {
      return "[" + rows + ", " + columns + "]";
    }
  }

  /**
   * {@code c = alpha a b + beta c}.
   *
   * @throws IllegalArgumentException if the shapes do not fit
   */
  public static void multiply(float alpha, Matrix a, Matrix b, float beta, Matrix c) {
    requireFit(a.columns() == b.rows() && a.rows() == c.rows(), a, b, c);
    gemm(alpha, a, false, b, beta, c);
  }

  /**
   * {@code c = alpha a^T b + beta c}.
   *
   * @throws IllegalArgumentException if the shapes do not fit
   */
  public static void multiplyTransposed(float alpha, Matrix a, Matrix b, float beta, Matrix c) {
    requireFit(a.rows() == b.rows() && a.columns() == c.rows(), a, b, c);
    gemm(alpha, a, true, b, beta, c);
  }

  private static void requireFit(boolean outer, Matrix a, Matrix b, Matrix c) {
    if (!outer || b.columns() != c.columns()) {
      throw new IllegalArgumentException("a " + a + ", b " + b + " and c " + c + " do not fit");
    }
  }

  private static void gemm(
      float alpha, Matrix a, boolean transposed, Matrix b, float beta, Matrix c) {
    OpenBlas.load();
    NativeStatus.check(
        Demitasse.dmt_linalg_gemm(
            transposed ? 1 : 0,
            0,
            c.rows(),
            c.columns(),
            b.rows(),
            alpha,
            a.elements(),
            a.elements().length,
            a.offset(),
            a.stride(),
            b.elements(),
            b.elements().length,
            b.offset(),
            b.stride(),
            beta,
            c.elements(),
            c.elements().length,
            c.offset(),
            c.stride()));
  }

  /**
   * Adds {@code a^T a} to the upper triangle of a square matrix; the lower one is left as it is.
   *
   * @param gram n x n, where a is m x n
   */
  public static void addGram(Matrix a, float[] gram) {
    OpenBlas.load();
    NativeStatus.check(
        Demitasse.dmt_linalg_add_gram(
            a.rows(),
            a.columns(),
            a.elements(),
            a.elements().length,
            a.offset(),
            a.stride(),
            gram,
            gram.length,
            0,
            a.columns()));
  }

  /**
   * Cholesky factorization {@code a = r^T r} of a symmetric n x n matrix, of which the upper
   * triangle is read and replaced by r.
   *
   * @return true if a is positive definite; otherwise a is left in parts
   */
  public static boolean cholesky(double[] a, int n) {
    requireFinite(a);
    OpenBlas.load();
    long[] defect = new long[1];
    NativeStatus.check(Demitasse.dmt_linalg_cholesky(n, a, a.length, n, defect));
    return defect[0] == 0;
  }

  /** Replaces the upper triangle that holds r by that of the inverse of {@code r^T r}. */
  public static void choleskyInverse(double[] r, int n) {
    OpenBlas.load();
    NativeStatus.check(Demitasse.dmt_linalg_cholesky_inverse(n, r, r.length, n));
  }

  /** LAPACK lets NaN through as a factor. */
  private static void requireFinite(double[] a) {
    if (!Arrays.stream(a).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("the matrix holds infinite or NaN elements");
    }
  }
}
