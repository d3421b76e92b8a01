package io.github.demitasse.benchmarks.purejava;

/**
 * Confined to one thread: y = x * w + bias in pure Java, the opponent of the native linear
 * operator.
 */
public interface JavaLinear {

  /**
   * @param x [rows][k]
   * @param y [rows][n], overwritten
   */
  void apply(float[] x, int rows, float[] y);
}
