package io.github.demitasse.compress.quantize;

/**
 * Thread-safe: half-quadratic quantization (Badri and Shaji 2023, "Half-Quadratic Quantization of
 * Large Machine Learning Models"): the zero point, and here the step too, that make {@code sum |w -
 * q|^p} small for p = 0.7. Such a norm lets a few outliers have large errors so that most weights
 * have small ones. It needs no data, and stops at the first round that does not help.
 *
 * <p>An error e is split off by a proximal step, then zero point and step are fitted to {@code w -
 * e} in closed form, in turns. Our zero points are integers where the paper's are not; therefore
 * the step is refined as well, and a result is taken only if it is better than that of {@link
 * WholeRange}. Errors are measured in steps, so that one setting fits weights of any size.
 */
public final class HalfQuadratic implements ScaleMethod {
  public static final HalfQuadratic INSTANCE = new HalfQuadratic();

  private static final double NORM = 0.7;

  /** The paper's settings: weight of the quadratic term, its growth, rounds. */
  private static final double FIRST_BETA = 10;

  private static final double BETA_GROWTH = 1.01;
  private static final int ROUNDS = 20;

  private HalfQuadratic() {}

  @Override
  public Scale fit(float[] weights, float[] importance, Codes codes) {
    return fit(weights, (CodeRange) codes);
  }

  private static Scale fit(float[] weights, CodeRange codes) {
    Scale best = WholeRange.over(WholeRange.smallest(weights), WholeRange.largest(weights), codes);
    double smallest = error(weights, codes, best);
    double step = best.step();
    double zero = best.zeroPoint();
    double beta = FIRST_BETA;
    for (int round = 0; round < ROUNDS && smallest > 0; round++) {
      double zeroSum = 0;
      double product = 0;
      double square = 0;
      for (float weight : weights) {
        double code = Math.rint(weight / step + zero);
        code = Math.max(codes.lowest(), Math.min(codes.highest(), code));
        double error = shrink(weight / step - (code - zero), beta);
        double target = weight - error * step;
        zeroSum += code - target / step;
        product += target * (code - zero);
        square += (code - zero) * (code - zero);
      }
      if (!codes.symmetric()) {
        zero = Math.max(codes.lowest(), Math.min(codes.highest(), zeroSum / weights.length));
      }
      if (square > 0 && product > 0) {
        step = product / square;
      }
      beta *= BETA_GROWTH;
      Scale candidate = Scale.stored(step, (int) Math.rint(zero), codes);
      double error = error(weights, codes, candidate);
      if (error >= smallest) {
        break;
      }
      smallest = error;
      best = candidate;
    }
    return best;
  }

  /** The proximal operator of the p-norm: sign(x) max(0, |x| - |x|^(p-1) / beta). */
  private static double shrink(double x, double beta) {
    double magnitude = Math.abs(x);
    if (magnitude == 0) {
      return 0;
    }
    return Math.copySign(Math.max(0, magnitude - Math.pow(magnitude, NORM - 1) / beta), x);
  }

  /** The sum of {@code |w - q|^p}. */
  static double error(float[] weights, CodeRange codes, Scale scale) {
    double sum = 0;
    for (float weight : weights) {
      sum += Math.pow(Math.abs(weight - codes.rounded(weight, scale)), NORM);
    }
    return sum;
  }

  @Override
  public boolean needsEvenSteps() {
    return true;
  }

  @Override
  public String description() {
    return "hqq";
  }
}
