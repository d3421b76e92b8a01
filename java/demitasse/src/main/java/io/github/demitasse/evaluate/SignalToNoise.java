package io.github.demitasse.evaluate;

/**
 * Confined to one thread: signal-to-quantization-noise ratio, 10 log10(sum x^2 / sum (x - y)^2).
 */
public final class SignalToNoise {
  private double signal;
  private double noise;

  /** Takes in exact and approximate values of the same length. */
  public void add(float[] exact, float[] approximate) {
    if (exact.length != approximate.length) {
      throw new IllegalArgumentException(
          "compared " + exact.length + " values with " + approximate.length);
    }
    for (int i = 0; i < exact.length; i++) {
      double difference = exact[i] - approximate[i];
      signal += (double) exact[i] * exact[i];
      noise += difference * difference;
    }
  }

  /** The ratio in decibels; null when there is no noise at all. */
  public Double decibels() {
    return noise == 0 || signal == 0 ? null : 10 * Math.log10(signal / noise);
  }
}
