package io.github.demitasse.benchmarks.training;

import java.util.List;

/** Confined to one thread: Adam (Kingma and Ba 2015), with the paper's constants. */
final class Adam {
  private static final float BETA_1 = 0.9f;
  private static final float BETA_2 = 0.999f;
  private static final float EPSILON = 1e-8f;

  private final List<float[]> parameters;
  private final List<float[]> means;
  private final List<float[]> squares;
  private int steps;

  Adam(Network network) {
    parameters = network.parameters();
    means = network.zeros();
    squares = network.zeros();
  }

  /**
   * One step against the gradient.
   *
   * @param scale that the gradients are multiplied with first
   */
  void step(List<float[]> gradients, float scale, double rate) {
    steps++;
    double corrected =
        rate * Math.sqrt(1 - Math.pow(BETA_2, steps)) / (1 - Math.pow(BETA_1, steps));
    for (int i = 0; i < parameters.size(); i++) {
      step(
          parameters.get(i),
          gradients.get(i),
          means.get(i),
          squares.get(i),
          scale,
          (float) corrected);
    }
  }

  private static void step(
      float[] theta, float[] gradient, float[] m, float[] v, float scale, float rate) {
    for (int i = 0; i < theta.length; i++) {
      float g = gradient[i] * scale;
      m[i] = BETA_1 * m[i] + (1 - BETA_1) * g;
      v[i] = BETA_2 * v[i] + (1 - BETA_2) * g * g;
      theta[i] -= rate * m[i] / ((float) Math.sqrt(v[i]) + EPSILON);
    }
  }
}
