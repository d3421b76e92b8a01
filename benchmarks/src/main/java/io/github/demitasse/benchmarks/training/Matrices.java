package io.github.demitasse.benchmarks.training;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Thread-safe: products of row-major matrices that lie somewhere in arrays.
 *
 * <p>Loops that add multiples of rows are vectorized by the just-in-time compiler; sums of products
 * along rows are not, so those say it, with vectors of one length so that sums have one order.
 */
final class Matrices {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;

  private Matrices() {}

  /** A matrix in an array, from an element on. */
  record Matrix(float[] values, int from, int rows, int columns) {
    Matrix(float[] values, int rows, int columns) {
      this(values, 0, rows, columns);
    }

    Matrix transposed() {
      float[] result = new float[rows * columns];
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          result[j * rows + i] = values[from + i * columns + j];
        }
      }
      return new Matrix(result, columns, rows);
    }
  }

  /** c += a b. */
  static void addProduct(Matrix a, Matrix b, Matrix c) {
    int inner = a.columns;
    int columns = b.columns;
    for (int i = 0; i < a.rows; i++) {
      int row = a.from + i * inner;
      int to = c.from + i * columns;
      int k = 0;
      for (; k + 4 <= inner; k += 4) {
        addFour(a.values, row + k, b.values, b.from + k * columns, c.values, to, columns);
      }
      for (; k < inner; k++) {
        addOne(a.values[row + k], b.values, b.from + k * columns, c.values, to, columns);
      }
    }
  }

  private static void addFour(
      float[] a, int factors, float[] b, int row, float[] c, int to, int columns) {
    float a0 = a[factors];
    float a1 = a[factors + 1];
    float a2 = a[factors + 2];
    float a3 = a[factors + 3];
    int row1 = row + columns;
    int row2 = row1 + columns;
    int row3 = row2 + columns;
    for (int j = 0; j < columns; j++) {
      c[to + j] += a0 * b[row + j] + a1 * b[row1 + j] + a2 * b[row2 + j] + a3 * b[row3 + j];
    }
  }

  private static void addOne(float factor, float[] b, int row, float[] c, int to, int columns) {
    for (int j = 0; j < columns; j++) {
      c[to + j] += factor * b[row + j];
    }
  }

  /** c += a bᵀ, where columns of a and b are many. */
  static void addProductOfRows(Matrix a, Matrix b, Matrix c) {
    for (int i = 0; i < a.rows; i++) {
      int to = c.from + i * b.rows;
      int j = 0;
      for (; j + 4 <= b.rows; j += 4) {
        addFourSums(a, i, b, j, c.values, to + j);
      }
      for (; j < b.rows; j++) {
        c.values[to + j] += tail(a, i, b, j, 0);
      }
    }
  }

  private static void addFourSums(Matrix a, int i, Matrix b, int j, float[] c, int to) {
    int length = a.columns;
    int row = a.from + i * length;
    int row0 = b.from + j * length;
    int row1 = row0 + length;
    int row2 = row1 + length;
    int row3 = row2 + length;
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int end = SPECIES.loopBound(length);
    for (int k = 0; k < end; k += SPECIES.length()) {
      FloatVector x = FloatVector.fromArray(SPECIES, a.values, row + k);
      sum0 = x.fma(FloatVector.fromArray(SPECIES, b.values, row0 + k), sum0);
      sum1 = x.fma(FloatVector.fromArray(SPECIES, b.values, row1 + k), sum1);
      sum2 = x.fma(FloatVector.fromArray(SPECIES, b.values, row2 + k), sum2);
      sum3 = x.fma(FloatVector.fromArray(SPECIES, b.values, row3 + k), sum3);
    }
    c[to] += sum(sum0) + tail(a, i, b, j, end);
    c[to + 1] += sum(sum1) + tail(a, i, b, j + 1, end);
    c[to + 2] += sum(sum2) + tail(a, i, b, j + 2, end);
    c[to + 3] += sum(sum3) + tail(a, i, b, j + 3, end);
  }

  /** In one order, which reduceLanes does not promise. */
  private static float sum(FloatVector lanes) {
    float sum = 0;
    for (int i = 0; i < SPECIES.length(); i++) {
      sum += lanes.lane(i);
    }
    return sum;
  }

  private static float tail(Matrix a, int i, Matrix b, int j, int from) {
    float sum = 0;
    for (int k = from; k < a.columns; k++) {
      sum += a.values[a.from + i * a.columns + k] * b.values[b.from + j * b.columns + k];
    }
    return sum;
  }

  /** Each row of c becomes the bias. */
  static void fillRows(float[] bias, int from, Matrix c) {
    for (int i = 0; i < c.rows; i++) {
      System.arraycopy(bias, from, c.values, c.from + i * c.columns, c.columns);
    }
  }

  /** Adds the sum of all rows. */
  static void addRows(Matrix rows, float[] sum, int from) {
    for (int i = 0; i < rows.rows; i++) {
      for (int j = 0; j < rows.columns; j++) {
        sum[from + j] += rows.values[rows.from + i * rows.columns + j];
      }
    }
  }
}
