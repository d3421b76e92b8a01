package io.github.demitasse.benchmarks.training;

import java.util.Random;

/**
 * Immutable and thread-safe: a differentiable function from {@link #inputs} to {@link #outputs}
 * numbers with parameters, which are kept outside it in one array.
 */
public sealed interface Layer permits Convolution, FullyConnected, Lstm, MaxPooling, Rectifier {
  /** How many numbers it takes for an example. */
  int inputs();

  /** How many numbers it gives for an example. */
  int outputs();

  /** How many parameters it has. */
  int parameters();

  /** Fills in random parameters to start from. */
  void initialize(float[] parameters, Random random);

  /**
   * Computes the outputs.
   *
   * @param parameters not changed until the pass is done with
   * @param inputs [batch][inputs]
   */
  Pass forward(float[] parameters, float[] inputs, int batch);

  /** Confined to one thread: what a layer did with some examples. */
  interface Pass {
    /** [batch][outputs]. */
    float[] outputs();

    /**
     * Goes back through the layer.
     *
     * @param gradient of the loss by the outputs, [batch][outputs]
     * @param ofParameters the gradient by the parameters is added here
     * @return the gradient by the inputs, [batch][inputs]; null if not wanted
     */
    float[] backward(float[] gradient, float[] ofParameters, boolean wantsInputs);
  }

  /** Uniform in +-bound. */
  static void fill(float[] values, int from, int to, double bound, Random random) {
    for (int i = from; i < to; i++) {
      values[i] = (float) (bound * (2 * random.nextDouble() - 1));
    }
  }
}
