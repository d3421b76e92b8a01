package io.github.demitasse.compress.quantize;

/**
 * Confined to one thread: the range whose 8-bit codes give the smallest mean squared error on what
 * was observed.
 */
public final class MeanSquaredError implements Calibrator {
  /**
   * Thresholds tried, as shares of the largest magnitude; finer steps change the error by under 1
   * %.
   */
  private static final int CANDIDATES = 100;

  private final Histogram histogram = new Histogram();

  private MeanSquaredError() {}

  public static Calibration calibration() {
    return new Calibration() {
      @Override
      public Calibrator calibrator() {
        return new MeanSquaredError();
      }

      @Override
      public String description() {
        return "mse";
      }
    };
  }

  @Override
  public void observe(float[] values) {
    histogram.add(values);
  }

  @Override
  public Range range() {
    Range best = histogram.observedRange();
    double largest = Math.max(Math.abs(best.minimum()), Math.abs(best.maximum()));
    double smallestError = error(best);
    for (int i = CANDIDATES - 1; i > 0; i--) {
      Range candidate = histogram.clipped(largest * i / CANDIDATES);
      double error = error(candidate);
      if (error < smallestError) {
        smallestError = error;
        best = candidate;
      }
    }
    return best;
  }

  private double error(Range range) {
    double scale = range.scale();
    int zeroPoint = range.zeroPoint();
    double error = 0;
    for (int bin = 0; bin < Histogram.BINS; bin++) {
      double count = histogram.count(bin);
      if (count > 0) {
        double value = histogram.binCenter(bin);
        double code = Math.max(0, Math.min(255, Math.rint(value / scale) + zeroPoint));
        double difference = value - scale * (code - zeroPoint);
        error += count * difference * difference;
      }
    }
    return error;
  }
}
