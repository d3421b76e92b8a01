package io.github.demitasse.benchmarks.purejava;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Confined to one thread: FP32 with the JDK's Vector API and fused multiply-add: the fastest pure
 * Java found here, since the API reaches the hardware's floating units but not its integer dot
 * products. Tile: six rows by two vectors.
 */
public final class VectorFloatLinear implements JavaLinear {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();
  private static final int ROWS = 6;

  private final float[] panels; // [n / (2 LANES)][k][2 LANES]
  private final float[] bias;
  private final int k;
  private final int n;

  /**
   * @param weights [k][n]; n a multiple of two vectors
   */
  public VectorFloatLinear(float[] weights, float[] bias, int k, int n) {
    if (n % (2 * LANES) != 0) {
      throw new IllegalArgumentException("n must be a multiple of " + 2 * LANES + ", given " + n);
    }
    panels = new float[weights.length];
    int width = 2 * LANES;
    for (int i = 0; i < k; i++) {
      for (int j = 0; j < n; j++) {
        panels[(j / width * k + i) * width + j % width] = weights[i * n + j];
      }
    }
    this.bias = bias;
    this.k = k;
    this.n = n;
  }

  @Override
  public void apply(float[] x, int rows, float[] y) {
    int[] start = new int[ROWS];
    for (int panel = 0; panel < n / (2 * LANES); panel++) {
      for (int row = 0; row < rows; row += ROWS) {
        for (int r = 0; r < ROWS; r++) {
          start[r] = Math.min(row + r, rows - 1);
        }
        tile(x, start, panel, y);
      }
    }
  }

  /** Rows past the end repeat the last one and store the same result again. */
  private void tile(float[] x, int[] rows, int panel, float[] y) {
    int column = panel * 2 * LANES;
    FloatVector a0 = FloatVector.fromArray(FLOATS, bias, column);
    FloatVector a1 = FloatVector.fromArray(FLOATS, bias, column + LANES);
    FloatVector b0 = a0;
    FloatVector b1 = a1;
    FloatVector c0 = a0;
    FloatVector c1 = a1;
    FloatVector d0 = a0;
    FloatVector d1 = a1;
    FloatVector e0 = a0;
    FloatVector e1 = a1;
    FloatVector f0 = a0;
    FloatVector f1 = a1;
    int ra = rows[0] * k;
    int rb = rows[1] * k;
    int rc = rows[2] * k;
    int rd = rows[3] * k;
    int re = rows[4] * k;
    int rf = rows[5] * k;
    int base = panel * k * 2 * LANES;
    for (int i = 0; i < k; i++) {
      FloatVector w0 = FloatVector.fromArray(FLOATS, panels, base + i * 2 * LANES);
      FloatVector w1 = FloatVector.fromArray(FLOATS, panels, base + i * 2 * LANES + LANES);
      FloatVector v = FloatVector.broadcast(FLOATS, x[ra + i]);
      a0 = v.fma(w0, a0);
      a1 = v.fma(w1, a1);
      v = FloatVector.broadcast(FLOATS, x[rb + i]);
      b0 = v.fma(w0, b0);
      b1 = v.fma(w1, b1);
      v = FloatVector.broadcast(FLOATS, x[rc + i]);
      c0 = v.fma(w0, c0);
      c1 = v.fma(w1, c1);
      v = FloatVector.broadcast(FLOATS, x[rd + i]);
      d0 = v.fma(w0, d0);
      d1 = v.fma(w1, d1);
      v = FloatVector.broadcast(FLOATS, x[re + i]);
      e0 = v.fma(w0, e0);
      e1 = v.fma(w1, e1);
      v = FloatVector.broadcast(FLOATS, x[rf + i]);
      f0 = v.fma(w0, f0);
      f1 = v.fma(w1, f1);
    }
    store(a0, a1, rows[0], column, y);
    store(b0, b1, rows[1], column, y);
    store(c0, c1, rows[2], column, y);
    store(d0, d1, rows[3], column, y);
    store(e0, e1, rows[4], column, y);
    store(f0, f1, rows[5], column, y);
  }

  private void store(FloatVector left, FloatVector right, int row, int column, float[] y) {
    left.intoArray(y, row * n + column);
    right.intoArray(y, row * n + column + LANES);
  }
}
