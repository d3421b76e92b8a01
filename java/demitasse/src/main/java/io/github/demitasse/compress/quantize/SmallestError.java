package io.github.demitasse.compress.quantize;

/**
 * Thread-safe: the scale whose codes have the smallest squared error, clipping large weights where
 * that helps all others (Banner et al. 2019, "Post training 4-bit quantization of convolutional
 * networks for rapid-deployment", by search instead of a formula). With calibration data an error
 * weighs as much as the mean square of the input that meets it.
 */
public final class SmallestError implements ScaleMethod {
  public static final SmallestError INSTANCE = new SmallestError();

  /** Shares of the whole range tried; finer steps change the error by under 0.1 %. */
  private static final int FIRST = 100;

  private static final int LAST = 40;
  private static final int STRIDE = 2;

  private SmallestError() {}

  @Override
  public Scale fit(float[] weights, float[] importance, Codes codes) {
    double minimum = WholeRange.smallest(weights);
    double maximum = WholeRange.largest(weights);
    Scale best = WholeRange.over(minimum, maximum, codes);
    double smallest = error(weights, importance, codes, best, Double.POSITIVE_INFINITY);
    for (int percent = FIRST; percent >= LAST && smallest > 0; percent -= STRIDE) {
      Scale candidate =
          WholeRange.over(minimum * percent / 100.0, maximum * percent / 100.0, codes);
      double error = error(weights, importance, codes, candidate, smallest);
      if (error < smallest) {
        smallest = error;
        best = candidate;
      }
      if (codes.mirrors()) {
        Scale mirrored = new Scale(-candidate.step(), 0);
        error = error(weights, importance, codes, mirrored, smallest);
        if (error < smallest) {
          smallest = error;
          best = mirrored;
        }
      }
    }
    return best;
  }

  /** The sum of weighed squared errors, or anything above {@code enough} once it is above. */
  static double error(
      float[] weights, float[] importance, Codes codes, Scale scale, double enough) {
    double sum = 0;
    for (int i = 0; i < weights.length && sum < enough; i++) {
      double difference = weights[i] - codes.rounded(weights[i], scale);
      sum += (importance == null ? 1 : importance[i]) * difference * difference;
    }
    return sum;
  }

  @Override
  public String description() {
    return "mse";
  }
}
