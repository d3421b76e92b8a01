package io.github.demitasse.benchmarks.purejava;

/**
 * Confined to one thread: INT8 as most Java code would write it: activations quantized per row,
 * plain loops, both operands contiguous along k.
 */
public final class ScalarInt8Linear implements JavaLinear {
  private final byte[] codes; // [n][k]
  private final float[] scales; // [n]
  private final int[] columnSums; // [n]
  private final float[] bias; // [n]
  private final int k;
  private final int n;

  /**
   * @param codes [k][n], symmetric
   */
  public ScalarInt8Linear(byte[] codes, float[] scales, float[] bias, int k, int n) {
    this.codes = new byte[codes.length];
    this.columnSums = new int[n];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j < n; j++) {
        this.codes[j * k + i] = codes[i * n + j];
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
    byte[] quantized = new byte[k];
    for (int row = 0; row < rows; row++) {
      RowQuantization parameters = RowQuantization.of(x, row * k, k, quantized);
      for (int j = 0; j < n; j++) {
        int sum = 0;
        for (int i = 0, w = j * k; i < k; i++, w++) {
          sum += (quantized[i] & 0xff) * codes[w];
        }
        int centered = sum - parameters.zeroPoint() * columnSums[j];
        y[row * n + j] = centered * parameters.scale() * scales[j] + bias[j];
      }
    }
  }
}
