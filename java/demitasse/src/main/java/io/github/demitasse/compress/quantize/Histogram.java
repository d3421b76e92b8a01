package io.github.demitasse.compress.quantize;

/**
 * Confined to one thread: counts of values in equal bins over [-limit, limit). When a value lies
 * outside, the limit doubles and pairs of bins merge, so memory stays constant whatever comes.
 */
final class Histogram {
  static final int BINS = 4096;

  private double[] counts = new double[BINS];
  private double limit;
  private float minimum = Float.POSITIVE_INFINITY;
  private float maximum = Float.NEGATIVE_INFINITY;
  private double total;

  void add(float[] values) {
    float largest = 0;
    for (float value : values) {
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
      largest = Math.max(largest, Math.abs(value));
    }
    if (!Float.isFinite(largest)) { // no limit is large enough
      throw new IllegalArgumentException("observed values must be finite, given " + largest);
    }
    if (limit == 0) {
      // The smallest power of two that holds the first batch: merging keeps bin borders exact.
      limit = largest == 0 ? Float.MIN_NORMAL : Math.scalb(1.0, Math.getExponent(largest) + 1);
    }
    while (largest >= limit) {
      widen();
    }
    double binsPerUnit = BINS / (2 * limit);
    for (float value : values) {
      counts[(int) ((value + limit) * binsPerUnit)]++;
    }
    total += values.length;
  }

  private void widen() {
    double[] merged = new double[BINS];
    for (int i = 0; i < BINS; i++) {
      merged[BINS / 4 + i / 2] += counts[i];
    }
    counts = merged;
    limit *= 2;
  }

  boolean isEmpty() {
    return total == 0;
  }

  double total() {
    return total;
  }

  Range observedRange() {
    if (isEmpty()) {
      throw new IllegalStateException("nothing was observed");
    }
    return new Range(minimum, maximum);
  }

  double count(int bin) {
    return counts[bin];
  }

  double binWidth() {
    return 2 * limit / BINS;
  }

  double binCenter(int bin) {
    return -limit + (bin + 0.5) * binWidth();
  }

  /** The value below which the fraction {@code quantile} of all values lies, to one bin. */
  float quantile(double quantile) {
    double wanted = quantile * total;
    double seen = 0;
    for (int bin = 0; bin < BINS; bin++) {
      seen += counts[bin];
      if (seen >= wanted && counts[bin] > 0) {
        double inside = 1 - (seen - wanted) / counts[bin];
        double value = -limit + (bin + inside) * binWidth();
        return (float) Math.max(minimum, Math.min(maximum, value));
      }
    }
    return maximum;
  }

  /** What is observed, cut to [-threshold, threshold]. */
  Range clipped(double threshold) {
    float bound = (float) threshold;
    return new Range(
        Math.min(maximum, Math.max(minimum, -bound)), Math.max(minimum, Math.min(maximum, bound)));
  }
}
