package io.github.demitasse.benchmarks.training;

import java.util.Random;

/**
 * Immutable and thread-safe: max(x, 0) of each number.
 *
 * @param inputs how many
 */
public record Rectifier(int inputs) implements Layer {
  @Override
  public int outputs() {
    return inputs;
  }

  @Override
  public int parameters() {
    return 0;
  }

  @Override
  public void initialize(float[] parameters, Random random) {}

  @Override
  public Pass forward(float[] parameters, float[] values, int batch) {
    float[] results = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      results[i] = Math.max(values[i], 0);
    }
    return new Pass() {
      @Override
      public float[] outputs() {
        return results;
      }

      @Override
      public float[] backward(float[] gradient, float[] ofParameters, boolean wantsInputs) {
        float[] result = new float[gradient.length];
        for (int i = 0; i < result.length; i++) {
          result[i] = results[i] > 0 ? gradient[i] : 0;
        }
        return result;
      }
    };
  }
}
