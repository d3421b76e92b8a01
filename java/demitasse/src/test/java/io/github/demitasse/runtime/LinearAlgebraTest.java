package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.runtime.LinearAlgebra.Matrix;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LinearAlgebraTest {
  private final Random random = new Random(7);

  private float[] values(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static double element(Matrix matrix, int row, int column) {
    return matrix.elements()[matrix.offset() + row * matrix.stride() + column];
  }

  @Test
  void partsOfMatricesAreMultipliedAndNothingElseIsTouched() {
    for (int[] shape : new int[][] {{1, 1, 1}, {3, 5, 7}, {17, 33, 65}, {64, 1, 128}}) {
      int m = shape[0];
      int n = shape[1];
      int k = shape[2];
      Matrix a = Matrix.of(values((k + 2) * (m + k + 3)), k + 2, m + k + 3);
      Matrix b = Matrix.of(values((k + 1) * (n + 4)), k + 1, n + 4).part(1, k, 3, n);
      Matrix whole = Matrix.of(values((m + 2) * (n + 2)), m + 2, n + 2);
      float[] before = whole.elements().clone();
      Matrix c = whole.part(1, m, 1, n);

      LinearAlgebra.multiplyTransposed(-2, a.part(2, k, 1, m), b, 0.5f, c);
      checkProduct(a.part(2, k, 1, m), b, before, whole, true);

      before = whole.elements().clone();
      Matrix rows = Matrix.of(values(m * k), m, k);
      LinearAlgebra.multiply(-2, rows, b, 0.5f, c);
      checkProduct(rows, b, before, whole, false);
    }
  }

  private static void checkProduct(
      Matrix a, Matrix b, float[] before, Matrix whole, boolean transposed) {
    for (int i = 0; i < whole.rows(); i++) {
      for (int j = 0; j < whole.columns(); j++) {
        double expected = before[i * whole.columns() + j];
        if (i > 0 && i < whole.rows() - 1 && j > 0 && j < whole.columns() - 1) {
          expected *= 0.5;
          for (int l = 0; l < b.rows(); l++) {
            double left = transposed ? element(a, l, i - 1) : element(a, i - 1, l);
            expected -= 2 * left * element(b, l, j - 1);
          }
        }
        assertEquals(expected, element(whole, i, j), 1e-3, i + " " + j);
      }
    }
  }

  @Test
  void shapesThatDoNotFitAreNamed() {
    Matrix a = Matrix.of(new float[6], 2, 3);
    String message =
        assertThrows(IllegalArgumentException.class, () -> LinearAlgebra.multiply(1, a, a, 0, a))
            .getMessage();
    assertTrue(message.contains("[2, 3]"), message);
    Matrix beyond = new Matrix(new float[5], 0, 2, 3, 3);
    assertThrows(IllegalArgumentException.class, () -> LinearAlgebra.addGram(beyond, new float[9]));
  }

  @Test
  void gramCholeskyAndInverseBelongTogether() {
    for (int n : new int[] {1, 2, 17, 130}) {
      int m = 2 * n + 3;
      Matrix x = Matrix.of(values(m * n), m, n);
      float[] gram = new float[n * n];
      LinearAlgebra.addGram(x.part(0, 3, 0, n), gram);
      LinearAlgebra.addGram(x.part(3, m - 3, 0, n), gram);
      double[] exact = new double[n * n];
      for (int i = 0; i < n; i++) {
        for (int j = i; j < n; j++) {
          for (int l = 0; l < m; l++) {
            exact[i * n + j] += element(x, l, i) * element(x, l, j);
          }
          assertEquals(exact[i * n + j], gram[i * n + j], 1e-3 * m);
        }
      }
      double[] factor = exact.clone();
      assertTrue(LinearAlgebra.cholesky(factor, n));
      for (int i = 0; i < n; i++) {
        for (int j = i; j < n; j++) {
          double product = 0;
          for (int l = 0; l <= i; l++) {
            product += factor[l * n + i] * factor[l * n + j];
          }
          assertEquals(exact[i * n + j], product, 1e-9 * m);
        }
      }
      LinearAlgebra.choleskyInverse(factor, n);
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          double product = 0;
          for (int l = 0; l < n; l++) {
            product += symmetric(exact, i, l, n) * symmetric(factor, l, j, n);
          }
          assertEquals(i == j ? 1 : 0, product, 1e-8);
        }
      }
    }
  }

  private static double symmetric(double[] upper, int i, int j, int n) {
    return upper[Math.min(i, j) * n + Math.max(i, j)];
  }

  @Test
  void aMatrixThatIsNotPositiveDefiniteIsNotFactorized() {
    assertFalse(LinearAlgebra.cholesky(new double[] {1, 2, 0, 1}, 2));
    assertThrows(
        IllegalArgumentException.class, () -> LinearAlgebra.cholesky(new double[] {Double.NaN}, 1));
  }
}
