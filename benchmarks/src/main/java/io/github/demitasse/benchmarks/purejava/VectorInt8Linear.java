package io.github.demitasse.benchmarks.purejava;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Confined to one thread: INT8 with the JDK's Vector API. Weights lie in panels of one vector of
 * columns; a tile of four rows by two panels stays in registers. The API has no dot-product
 * instruction, so products are formed in 32-bit lanes.
 */
public final class VectorInt8Linear implements JavaLinear {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(
          byte.class, jdk.incubator.vector.VectorShape.forBitSize(INTS.vectorBitSize() / 4));
  private static final int LANES = INTS.length();
  private static final int ROWS = 4;

  private final byte[] panels; // [n / LANES][k][LANES]
  private final float[] scales;
  private final int[] columnSums;
  private final float[] bias;
  private final int k;
  private final int n;

  /**
   * @param codes [k][n], symmetric; n a multiple of two vectors
   */
  public VectorInt8Linear(byte[] codes, float[] scales, float[] bias, int k, int n) {
    if (n % (2 * LANES) != 0) {
      throw new IllegalArgumentException("n must be a multiple of " + 2 * LANES + ", given " + n);
    }
    panels = new byte[codes.length];
    columnSums = new int[n];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j < n; j++) {
        panels[(j / LANES * k + i) * LANES + j % LANES] = codes[i * n + j];
        columnSums[j] += codes[i * n + j];
      }
    }
    this.scales = scales;
    this.bias = bias;
    this.k = k;
    this.n = n;
  }

  @Override
  public void apply(float[] x, int rows, float[] y) {
    byte[] codes = new byte[k];
    int[] block = new int[ROWS * k];
    RowQuantization[] parameters = new RowQuantization[ROWS];
    for (int row = 0; row < rows; row += ROWS) {
      int present = Math.min(ROWS, rows - row);
      for (int r = 0; r < ROWS; r++) {
        int source = row + Math.min(r, present - 1);
        parameters[r] = RowQuantization.of(x, source * k, k, codes);
        for (int i = 0; i < k; i++) {
          block[i * ROWS + r] = codes[i] & 0xff;
        }
      }
      for (int panel = 0; panel < n / LANES; panel += 2) {
        tile(block, parameters, panel, row, present, y);
      }
    }
  }

  private void tile(
      int[] block, RowQuantization[] parameters, int panel, int row, int present, float[] y) {
    IntVector a0 = IntVector.zero(INTS);
    IntVector a1 = a0;
    IntVector b0 = a0;
    IntVector b1 = a0;
    IntVector c0 = a0;
    IntVector c1 = a0;
    IntVector d0 = a0;
    IntVector d1 = a0;
    int left = panel * k * LANES;
    int right = left + k * LANES;
    for (int i = 0; i < k; i++) {
      IntVector w0 = widen(left + i * LANES);
      IntVector w1 = widen(right + i * LANES);
      int x = i * ROWS;
      a0 = a0.add(w0.mul(block[x]));
      a1 = a1.add(w1.mul(block[x]));
      b0 = b0.add(w0.mul(block[x + 1]));
      b1 = b1.add(w1.mul(block[x + 1]));
      c0 = c0.add(w0.mul(block[x + 2]));
      c1 = c1.add(w1.mul(block[x + 2]));
      d0 = d0.add(w0.mul(block[x + 3]));
      d1 = d1.add(w1.mul(block[x + 3]));
    }
    int column = panel * LANES;
    store(a0, a1, parameters[0], column, row, y);
    if (present > 1) {
      store(b0, b1, parameters[1], column, row + 1, y);
    }
    if (present > 2) {
      store(c0, c1, parameters[2], column, row + 2, y);
    }
    if (present > 3) {
      store(d0, d1, parameters[3], column, row + 3, y);
    }
  }

  private IntVector widen(int offset) {
    return (IntVector)
        ByteVector.fromArray(BYTES, panels, offset).convertShape(VectorOperators.B2I, INTS, 0);
  }

  private void store(
      IntVector left, IntVector right, RowQuantization parameters, int column, int row, float[] y) {
    store(left, parameters, column, row, y);
    store(right, parameters, column + LANES, row, y);
  }

  private void store(IntVector sums, RowQuantization parameters, int column, int row, float[] y) {
    IntVector centered =
        sums.sub(IntVector.fromArray(INTS, columnSums, column).mul(parameters.zeroPoint()));
    FloatVector values = (FloatVector) centered.convertShape(VectorOperators.I2F, FLOATS, 0);
    values
        .mul(parameters.scale())
        .mul(FloatVector.fromArray(FLOATS, scales, column))
        .add(FloatVector.fromArray(FLOATS, bias, column))
        .intoArray(y, row * n + column);
  }
}
