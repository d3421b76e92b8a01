package io.github.demitasse.benchmarks.purejava;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** An opponent that computes something else is no opponent. */
class JavaLinearTest {
  @Test
  void allKernelsAgreeForAnyNumberOfRows() {
    int k = 37;
    int n = 64;
    Random random = new Random(1);
    byte[] codes = new byte[k * n];
    float[] weights = new float[k * n];
    float[] scales = new float[n];
    float[] bias = new float[n];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) (random.nextInt(255) - 127);
      scales[i % n] = 0.01f;
      weights[i] = codes[i] * 0.01f;
    }
    for (int j = 0; j < n; j++) {
      bias[j] = random.nextFloat();
    }
    for (int rows = 1; rows <= 9; rows++) {
      float[] x = new float[rows * k];
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) random.nextGaussian();
      }
      float[] expected = new float[rows * n];
      for (int r = 0; r < rows; r++) {
        for (int j = 0; j < n; j++) {
          double sum = bias[j];
          for (int i = 0; i < k; i++) {
            sum += (double) x[r * k + i] * weights[i * n + j];
          }
          expected[r * n + j] = (float) sum;
        }
      }
      check(expected, new VectorFloatLinear(weights, bias, k, n), x, rows, 1e-4f);
      check(expected, new VectorInt8Linear(codes, scales, bias, k, n), x, rows, 0.5f);
      check(expected, new ScalarInt8Linear(codes, scales, bias, k, n), x, rows, 0.5f);
    }
  }

  private static void check(
      float[] expected, JavaLinear linear, float[] x, int rows, float tolerance) {
    float[] actual = new float[expected.length];
    linear.apply(x, rows, actual);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], tolerance, linear.getClass() + ", element " + i);
    }
  }
}
