package io.github.demitasse.compress.quantize;

/**
 * Confined to one thread: the range that holds a given share of the values, the rest cut equally on
 * both sides.
 */
public final class Percentile implements Calibrator {
  private final Histogram histogram = new Histogram();
  private final double percentile;

  private Percentile(double percentile) {
    this.percentile = percentile;
  }

  /**
   * @param percentile the share of values to keep in per cent, such as 99.99
   */
  public static Calibration of(double percentile) {
    if (!(percentile > 50 && percentile <= 100)) {
      throw new IllegalArgumentException("percentile must be in (50, 100], given " + percentile);
    }
    return new Calibration() {
      @Override
      public Calibrator calibrator() {
        return new Percentile(percentile);
      }

      @Override
      public String description() {
        return "percentile " + percentile;
      }
    };
  }

  @Override
  public void observe(float[] values) {
    histogram.add(values);
  }

  @Override
  public Range range() {
    Range observed = histogram.observedRange();
    double tail = (100 - percentile) / 200;
    float low = tail == 0 ? observed.minimum() : histogram.quantile(tail);
    float high = tail == 0 ? observed.maximum() : histogram.quantile(1 - tail);
    return new Range(Math.min(low, high), high);
  }
}
