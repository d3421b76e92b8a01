package io.github.demitasse.compress.quantize;

import io.github.demitasse.runtime.LinearAlgebra;
import io.github.demitasse.runtime.LinearAlgebra.Matrix;

/** Confined to one thread: the optimization of {@link AdaRound} for one weight. */
final class AdaRoundLearning {
  /** The stretch of the rectified sigmoid (the paper's zeta and gamma). */
  private static final float HIGH = 1.1f;

  private static final float LOW = -0.1f;

  /** The exponent of the rounding term falls from the first to the last (the paper's beta). */
  private static final double FIRST_EXPONENT = 20;

  private static final double LAST_EXPONENT = 2;

  /** The share of iterations without the rounding term. */
  private static final double WARM_UP = 0.2;

  /**
   * The rounding term's weight; errors are relative to those of the nearest codes. With less, many
   * weights are still undecided at the end.
   */
  private static final double ROUNDING_WEIGHT = 10;

  /** Five times the paper's, for a twentieth of its iterations. */
  private static final double RATE = 0.05;

  private static final double FIRST_DECAY = 0.9;
  private static final double SECOND_DECAY = 0.999;
  private static final double TINY = 1e-8;

  private final CodedMatrix weight;
  private final CodeRange range;
  private final Matrix hessian;
  private final double errorUnit;
  private final int size;
  private final float[] floors; // codes, before the zero point is taken off
  private final float[] steps;
  private final float[] zeroPoints;
  private final float[] sigmoids; // of the variables
  private final float[] variables;
  private final float[] firstMoments;
  private final float[] secondMoments;
  private final float[] difference;
  private final float[] gradient;

  /**
   * @param nearest the output error of the nearest codes
   */
  AdaRoundLearning(CodedMatrix weight, Matrix hessian, double nearest) {
    this.weight = weight;
    this.range = (CodeRange) weight.meaning();
    this.hessian = hessian;
    this.size = weight.weights().length;
    // The error per weight, so that both terms of the objective are of the order of one.
    this.errorUnit = nearest > 0 ? nearest / size : 1;
    floors = new float[size];
    steps = new float[size];
    zeroPoints = new float[size];
    sigmoids = new float[size];
    variables = new float[size];
    firstMoments = new float[size];
    secondMoments = new float[size];
    difference = new float[size];
    gradient = new float[size];
    int columns = weight.columns();
    for (int i = 0; i < size; i++) {
      Scale scale = weight.scale(weight.groupOf(i / columns, i % columns));
      double exact = (double) weight.weights()[i] / scale.step() + scale.zeroPoint();
      floors[i] = (float) Math.floor(exact);
      steps[i] = scale.step();
      zeroPoints[i] = scale.zeroPoint();
      double fraction = exact - Math.floor(exact);
      double stretched = Math.max(1e-4, Math.min(1 - 1e-4, (fraction - LOW) / (HIGH - LOW)));
      variables[i] = (float) -Math.log(1 / stretched - 1);
    }
  }

  void run(int iterations) {
    int warmUp = (int) (WARM_UP * iterations);
    for (int iteration = 0; iteration < iterations; iteration++) {
      double progress =
          Math.max(0, iteration - warmUp) / (double) Math.max(1, iterations - 1 - warmUp);
      double exponent = LAST_EXPONENT + (FIRST_EXPONENT - LAST_EXPONENT) * (1 - progress);
      descend(iteration + 1, exponent, iteration < warmUp ? 0 : ROUNDING_WEIGHT);
    }
    int columns = weight.columns();
    for (int i = 0; i < size; i++) {
      float code = floors[i] + (rectified(sigmoid(variables[i])) >= 0.5f ? 1 : 0);
      weight.setCode(i / columns, i % columns, (int) clipped(code));
    }
  }

  private float clipped(float code) {
    return Math.max(range.lowest(), Math.min(range.highest(), code));
  }

  private void descend(int iteration, double exponent, double roundingWeight) {
    int columns = weight.columns();
    for (int i = 0; i < size; i++) {
      sigmoids[i] = sigmoid(variables[i]);
      float code = clipped(floors[i] + rectified(sigmoids[i]));
      difference[i] = steps[i] * (code - zeroPoints[i]) - weight.weights()[i];
    }
    LinearAlgebra.multiply(
        1,
        hessian,
        Matrix.of(difference, weight.rows(), columns),
        0,
        Matrix.of(gradient, weight.rows(), columns));
    double firstCorrection = 1 - Math.pow(FIRST_DECAY, iteration);
    double secondCorrection = 1 - Math.pow(SECOND_DECAY, iteration);
    for (int i = 0; i < size; i++) {
      float sigmoid = sigmoids[i];
      float h = rectified(sigmoid);
      double slope = h > 0 && h < 1 ? sigmoid * (1 - sigmoid) * (HIGH - LOW) : 0;
      double total = isInside(i, h) ? 2 * gradient[i] * steps[i] / errorUnit : 0;
      if (roundingWeight > 0) {
        double distance = 2.0 * h - 1;
        total -=
            roundingWeight
                * 2
                * exponent
                * Math.copySign(Math.pow(Math.abs(distance), exponent - 1), distance);
      }
      total *= slope;
      firstMoments[i] = (float) (FIRST_DECAY * firstMoments[i] + (1 - FIRST_DECAY) * total);
      secondMoments[i] =
          (float) (SECOND_DECAY * secondMoments[i] + (1 - SECOND_DECAY) * total * total);
      variables[i] -=
          (float)
              (RATE
                  * (firstMoments[i] / firstCorrection)
                  / (Math.sqrt(secondMoments[i] / secondCorrection) + TINY));
    }
  }

  /** Codes at the end of the range do not follow. */
  private boolean isInside(int i, float h) {
    float code = floors[i] + h;
    return code >= range.lowest() && code <= range.highest();
  }

  private static float sigmoid(float v) {
    return (float) (1 / (1 + Math.exp(-v)));
  }

  private static float rectified(float sigmoid) {
    return Math.max(0, Math.min(1, sigmoid * (HIGH - LOW) + LOW));
  }
}
