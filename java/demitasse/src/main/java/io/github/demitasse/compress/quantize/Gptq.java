package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.statistics.GramMatrix;
import io.github.demitasse.runtime.LinearAlgebra;
import io.github.demitasse.runtime.LinearAlgebra.Matrix;
import java.util.Comparator;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Immutable and thread-safe: GPTQ (Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization
 * for Generative Pre-trained Transformers"). Inputs of a layer are rounded one after the other, and
 * what each rounding does to the output is made good, as far as the others can, by changing the
 * weights of the inputs that are still to come: {@code W[j] -= U[i][j] / U[i][i] (W[i] - Q[i])},
 * where {@code U^T U} is the inverse of the Hessian {@code H = X^T X}.
 *
 * @param scales how scales are found, errors weighed with the damped Hessian's diagonal; of all
 *     groups beforehand, so that the order of inputs does not change which of them share one
 * @param activationOrder inputs with the largest mean square first: their errors matter most, and
 *     most weights are left to make them good
 * @param damping what is added to the Hessian's diagonal, as a share of its mean; where that does
 *     not make it positive definite, ten times as much, and so on up to 1
 * @param isSequential each layer is quantized for the inputs that it gets from the quantized layers
 *     before it
 */
public record Gptq(
    ScaleMethod scales, boolean activationOrder, double damping, boolean isSequential)
    implements WeightMethod {
  /** The paper's. */
  public static final double DEFAULT_DAMPING = 0.01;

  /**
   * Rows of data for each input of a layer. Damping makes up for what is missing down to about
   * here; with less, the corrections fit the noise.
   */
  private static final double SMALLEST_DATA = 0.25;

  private static final String INSTEAD =
      "; leave the layer out, or round it by rtn, mse or hqq, which need no data";

  /** Inputs whose corrections are gathered for one matrix product. */
  private static final int BLOCK = 128;

  public Gptq {
    if (!(damping > 0 && damping <= 1)) {
      throw new IllegalArgumentException("damping is a share from 0 to 1, given " + damping);
    }
  }

  /** Scales of the smallest error, activation order, damping 0.01, layer after layer. */
  public Gptq() {
    this(SmallestError.INSTANCE, true, DEFAULT_DAMPING, true);
  }

  @Override
  public boolean needsInputs() {
    return true;
  }

  @Override
  public void quantize(CodedMatrix weight, GramMatrix inputs, Consumer<String> notes) {
    requireEnough(weight, inputs);
    int n = weight.rows();
    double[] hessian = inputs.mean();
    requireFinite(hessian, n);
    int[] order = order(hessian, n);
    float[] factor = inverseFactor(permuted(hessian, order, n), n, notes);
    weight.fitScales(scales, importance(hessian, n));
    roundInOrder(weight, order, factor);
  }

  private static void requireEnough(CodedMatrix weight, GramMatrix inputs) {
    long needed = Math.max(1, (long) (SMALLEST_DATA * weight.rows()));
    if (inputs.rows() < needed) {
      throw new IllegalArgumentException(
          "too little calibration data for GPTQ: a layer with "
              + weight.rows()
              + " inputs needs at least "
              + needed
              + " rows (tokens), better "
              + weight.rows()
              + ", to tell how they depend on each other, given "
              + inputs.rows()
              + "; give about "
              + (long) Math.ceil((double) weight.rows() / Math.max(1, inputs.rows()))
              + " times as many samples");
    }
  }

  /**
   * How much an error in the weights of each input weighs: the mean square of the input, and the
   * damping, so that an input without data counts as well.
   */
  private float[] importance(double[] hessian, int n) {
    double added = damping * meanOfDiagonal(hessian, n);
    float[] importance = new float[n];
    for (int i = 0; i < n; i++) {
      importance[i] = (float) (hessian[i * n + i] + added);
    }
    return importance;
  }

  /** 1 for an input that is always zero: every weight is as good as any other. */
  private static double meanOfDiagonal(double[] hessian, int n) {
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += hessian[i * n + i] / n;
    }
    return mean == 0 ? 1 : mean;
  }

  private int[] order(double[] hessian, int n) {
    IntStream inputs = IntStream.range(0, n);
    return activationOrder
        ? inputs
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -hessian[i * n + i]))
            .mapToInt(Integer::intValue)
            .toArray()
        : inputs.toArray();
  }

  private static double[] permuted(double[] matrix, int[] order, int n) {
    double[] result = new double[matrix.length];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        result[i * n + j] = matrix[order[i] * n + order[j]];
      }
    }
    return result;
  }

  /** The upper triangular U with {@code U^T U} the inverse of the damped Hessian. */
  private float[] inverseFactor(double[] hessian, int n, Consumer<String> notes) {
    double mean = meanOfDiagonal(hessian, n);
    for (double share = damping; share <= 1; share *= 10) {
      double[] damped = hessian.clone();
      for (int i = 0; i < n; i++) {
        damped[i * n + i] += share * mean;
      }
      if (LinearAlgebra.cholesky(damped, n)) {
        LinearAlgebra.choleskyInverse(damped, n);
        if (LinearAlgebra.cholesky(damped, n)) {
          notes.accept(String.format(Locale.ROOT, "gptq: damping %s", share));
          return upperTriangle(damped, n);
        }
      }
    }
    throw new IllegalArgumentException(
        "GPTQ: the Hessian of the layer's inputs is not positive definite, however much is added to"
            + " its diagonal"
            + INSTEAD);
  }

  private static void requireFinite(double[] hessian, int n) {
    for (int i = 0; i < n; i++) {
      if (!Double.isFinite(hessian[i * n + i])) {
        throw new IllegalArgumentException(
            "GPTQ: squares of input " + i + " in the calibration data overflow" + INSTEAD);
      }
    }
  }

  private static float[] upperTriangle(double[] matrix, int n) {
    float[] result = new float[matrix.length];
    for (int i = 0; i < n; i++) {
      for (int j = i; j < n; j++) {
        result[i * n + j] = (float) matrix[i * n + j];
      }
    }
    return result;
  }

  private static void roundInOrder(CodedMatrix weight, int[] order, float[] factor) {
    int n = weight.rows();
    int columns = weight.columns();
    float[] remaining = new float[n * columns]; // in processing order, corrected as we go
    for (int i = 0; i < n; i++) {
      System.arraycopy(weight.weights(), order[i] * columns, remaining, i * columns, columns);
    }
    Matrix all = Matrix.of(remaining, n, columns);
    Matrix upper = Matrix.of(factor, n, n);
    float[] errors = new float[Math.min(BLOCK, n) * columns];
    for (int from = 0; from < n; from += BLOCK) {
      int to = Math.min(n, from + BLOCK);
      for (int i = from; i < to; i++) {
        roundRow(weight, order[i], remaining, i, factor[i * n + i], errors, i - from);
        for (int j = i + 1; j < to; j++) {
          subtract(
              remaining, j * columns, factor[i * n + j], errors, (i - from) * columns, columns);
        }
      }
      if (to < n) {
        LinearAlgebra.multiplyTransposed(
            -1,
            upper.part(from, to - from, to, n - to),
            Matrix.of(errors, to - from, columns),
            1,
            all.part(to, n - to, 0, columns));
      }
    }
  }

  /** Rounds one input's weights and leaves their errors, divided by the factor's diagonal. */
  private static void roundRow(
      CodedMatrix weight,
      int row,
      float[] remaining,
      int position,
      float diagonal,
      float[] errors,
      int errorRow) {
    int columns = weight.columns();
    for (int c = 0; c < columns; c++) {
      float wanted = remaining[position * columns + c];
      errors[errorRow * columns + c] = (wanted - weight.round(row, c, wanted)) / diagonal;
    }
  }

  private static void subtract(
      float[] target, int at, float factor, float[] source, int from, int length) {
    for (int c = 0; c < length; c++) {
      target[at + c] -= factor * source[from + c];
    }
  }

  @Override
  public String description() {
    return "gptq (scales by "
        + scales.description()
        + (activationOrder ? ", activation order" : "")
        + (isSequential ? ", layer after layer" : "")
        + ")";
  }
}
