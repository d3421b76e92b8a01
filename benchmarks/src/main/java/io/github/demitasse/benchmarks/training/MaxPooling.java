package io.github.demitasse.benchmarks.training;

import java.util.Random;

/**
 * Immutable and thread-safe: the largest of each 2 x 2 values of [channels][height][width]. A
 * gradient goes to the first of the largest.
 *
 * @param height even
 * @param width even
 */
public record MaxPooling(int channels, int height, int width) implements Layer {
  public MaxPooling {
    if (height % 2 != 0 || width % 2 != 0) {
      throw new IllegalArgumentException(height + " x " + width + " is not even");
    }
  }

  @Override
  public int inputs() {
    return channels * height * width;
  }

  @Override
  public int outputs() {
    return inputs() / 4;
  }

  @Override
  public int parameters() {
    return 0;
  }

  @Override
  public void initialize(float[] parameters, Random random) {}

  @Override
  public Pass forward(float[] parameters, float[] values, int batch) {
    float[] results = new float[batch * outputs()];
    int[] sources = new int[results.length];
    int[] offsets = {1, width, width + 1};
    int next = 0;
    for (int row = 0; row < batch * channels * height; row += 2) {
      for (int x = 0; x < width; x += 2) {
        int corner = row * width + x;
        int best = corner;
        for (int offset : offsets) {
          best = values[corner + offset] > values[best] ? corner + offset : best;
        }
        results[next] = values[best];
        sources[next++] = best;
      }
    }
    return new Pass() {
      @Override
      public float[] outputs() {
        return results;
      }

      @Override
      public float[] backward(float[] gradient, float[] ofParameters, boolean wantsInputs) {
        float[] result = new float[values.length];
        for (int i = 0; i < sources.length; i++) {
          result[sources[i]] = gradient[i];
        }
        return result;
      }
    };
  }
}
