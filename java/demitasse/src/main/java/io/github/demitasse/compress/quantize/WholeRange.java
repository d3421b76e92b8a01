package io.github.demitasse.compress.quantize;

/**
 * Thread-safe: a scale under which no weight is clipped (Jacob et al. 2018). Symmetric: the step at
 * which the largest magnitude is within half a step of the outermost code. Asymmetric: (max - min)
 * / (codes - 1) over a range that includes zero.
 */
public final class WholeRange implements ScaleMethod {
  public static final WholeRange INSTANCE = new WholeRange();

  private WholeRange() {}

  @Override
  public Scale fit(float[] weights, float[] importance, Codes codes) {
    return over(smallest(weights), largest(weights), codes);
  }

  /** The scale for weights from {@code minimum} (at most 0) to {@code maximum} (at least 0). */
  static Scale over(double minimum, double maximum, Codes codes) {
    return codes instanceof CodeRange range && !range.symmetric()
        ? asymmetric(minimum, maximum, range)
        : Scale.stored(codes.scaleFor(Math.max(-minimum, maximum)), 0, codes);
  }

  private static Scale asymmetric(double minimum, double maximum, CodeRange codes) {
    Scale scale = Scale.stored((maximum - minimum) / (codes.highest() - codes.lowest()), 0, codes);
    long zeroPoint = Math.round(Math.rint(-minimum / scale.step())) + codes.lowest();
    return new Scale(
        scale.step(), (int) Math.max(codes.lowest(), Math.min(codes.highest(), zeroPoint)));
  }

  static float smallest(float[] weights) {
    float smallest = 0;
    for (float weight : weights) {
      smallest = Math.min(smallest, weight);
    }
    return smallest;
  }

  static float largest(float[] weights) {
    float largest = 0;
    for (float weight : weights) {
      largest = Math.max(largest, weight);
    }
    return largest;
  }

  @Override
  public String description() {
    return "min-max";
  }
}
