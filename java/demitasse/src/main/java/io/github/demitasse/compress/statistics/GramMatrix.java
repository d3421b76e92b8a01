package io.github.demitasse.compress.statistics;

import io.github.demitasse.compress.Observer;
import io.github.demitasse.runtime.LinearAlgebra;
import io.github.demitasse.runtime.LinearAlgebra.Matrix;

/**
 * Confined to one thread: the sum of {@code x x^T} over the rows x of an activation. Up to a factor
 * it is the Hessian of a linear layer's squared output error with respect to each column of its
 * weight, and all layers that read the activation share it. Takes n^2 floats and a buffer of rows,
 * however much data there is.
 */
public final class GramMatrix implements Observer {
  /** Rows multiplied at once: enough to outweigh handing over the n x n matrix. */
  private static final int FEWEST_BUFFERED_ROWS = 256;

  private final int size;
  private final float[] upper;
  private final float[] buffer;
  private int bufferedRows;
  private long rows;

  /**
   * @param size the length of a row
   */
  public GramMatrix(int size) {
    this.size = size;
    if ((long) size * size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "the Hessian of a layer with " + size + " inputs does not fit an array");
    }
    this.upper = new float[size * size];
    this.buffer = new float[Math.max(FEWEST_BUFFERED_ROWS, Math.min(size, 4096)) * size];
  }

  @Override
  public void observe(float[] values) {
    for (int from = 0; from < values.length; from += size) {
      if ((bufferedRows + 1) * size > buffer.length) {
        flush();
      }
      System.arraycopy(values, from, buffer, bufferedRows * size, size);
      bufferedRows++;
    }
    rows += values.length / size;
  }

  private void flush() {
    if (bufferedRows > 0) {
      LinearAlgebra.addGram(Matrix.of(buffer, bufferedRows, size), upper);
      bufferedRows = 0;
    }
  }

  /** How many rows were seen. */
  public long rows() {
    return rows;
  }

  /** The length of a row. */
  public int size() {
    return size;
  }

  /** The mean of {@code x x^T}, whole and symmetric, row-major. */
  public double[] mean() {
    flush();
    double[] result = new double[size * size];
    for (int i = 0; i < size; i++) {
      for (int j = i; j < size; j++) {
        double value = upper[i * size + j] / (double) Math.max(1, rows);
        result[i * size + j] = value;
        result[j * size + i] = value;
      }
    }
    return result;
  }

  /** The mean of the square of each element of a row. */
  public float[] meanSquares() {
    flush();
    float[] result = new float[size];
    for (int i = 0; i < size; i++) {
      result[i] = upper[i * size + i] / Math.max(1, rows);
    }
    return result;
  }

  /** The matrix of both activations together, for a weight that two layers use. */
  public GramMatrix plus(GramMatrix other) {
    if (size != other.size) {
      throw new IllegalArgumentException("rows of " + size + " and of " + other.size);
    }
    flush();
    other.flush();
    GramMatrix sum = new GramMatrix(size);
    for (int i = 0; i < upper.length; i++) {
      sum.upper[i] = upper[i] + other.upper[i];
    }
    sum.rows = rows + other.rows;
    return sum;
  }
}
