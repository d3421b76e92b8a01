package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.statistics.GramMatrix;
import io.github.demitasse.runtime.LinearAlgebra;
import io.github.demitasse.runtime.LinearAlgebra.Matrix;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Immutable and thread-safe: AdaRound (Nagel et al. 2020, "Up or Down? Adaptive Rounding for
 * Post-Training Quantization"). Whether each weight is rounded up or down is learned: {@code W' =
 * step (floor(W / step) + h(V))} with a rectified sigmoid h, so that the squared error of the
 * layer's output, plus a term that drives h to 0 or 1, becomes small. The error of all calibration
 * data is {@code tr((W' - W)^T H (W' - W))} with the Hessian H, so that no data is needed while
 * learning.
 *
 * @param scales how scales are found beforehand
 * @param iterations steps of gradient descent (Adam)
 * @param isSequential each layer is rounded for the inputs that it gets from the quantized layers
 *     before it
 */
public record AdaRound(ScaleMethod scales, int iterations, boolean isSequential)
    implements WeightMethod {
  /** A twentieth of the paper's: the Hessian stands for all data in every one of them. */
  public static final int DEFAULT_ITERATIONS = 500;

  public AdaRound {
    if (iterations < 1) {
      throw new IllegalArgumentException("iterations must be at least 1, given " + iterations);
    }
  }

  public AdaRound() {
    this(SmallestError.INSTANCE, DEFAULT_ITERATIONS, true);
  }

  /** Up or down are to the neighbours of a multiple. */
  @Override
  public boolean needsEvenSteps() {
    return true;
  }

  @Override
  public boolean needsInputs() {
    return true;
  }

  @Override
  public void quantize(CodedMatrix weight, GramMatrix inputs, Consumer<String> notes) {
    if (inputs.rows() == 0) {
      throw new IllegalArgumentException("AdaRound needs calibration data, and there was none");
    }
    weight.fitScales(scales, null);
    Matrix hessian = hessian(inputs);
    weight.roundAll();
    double nearest = error(hessian, difference(weight.dequantized(), weight.weights()));
    new AdaRoundLearning(weight, hessian, nearest).run(iterations);
    double learned = error(hessian, difference(weight.dequantized(), weight.weights()));
    if (!(learned <= nearest)) {
      weight.roundAll();
      notes.accept("adaround: nothing better than the nearest codes was found");
    } else if (nearest > 0) {
      notes.accept(
          String.format(
              Locale.ROOT, "adaround: output error %.0f %% of nearest", 100 * learned / nearest));
    }
  }

  private static Matrix hessian(GramMatrix inputs) {
    double[] mean = inputs.mean();
    float[] values = new float[mean.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) mean[i];
    }
    return Matrix.of(values, inputs.size(), inputs.size());
  }

  private static float[] difference(float[] a, float[] b) {
    float[] result = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      result[i] = a[i] - b[i];
    }
    return result;
  }

  /** {@code tr(d^T H d)}: the mean over rows of the squared error of all outputs. */
  static double error(Matrix hessian, float[] difference) {
    int n = hessian.rows();
    int columns = difference.length / n;
    float[] product = new float[difference.length];
    LinearAlgebra.multiply(
        1, hessian, Matrix.of(difference, n, columns), 0, Matrix.of(product, n, columns));
    double sum = 0;
    for (int i = 0; i < product.length; i++) {
      sum += (double) product[i] * difference[i];
    }
    return sum;
  }

  @Override
  public String description() {
    return "adaround ("
        + iterations
        + " iterations, scales by "
        + scales.description()
        + (isSequential ? ", layer after layer" : "")
        + ")";
  }
}
