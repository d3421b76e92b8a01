package io.github.demitasse.compress.quantize;

/**
 * Confined to one thread: the range whose 8-bit codes keep the distribution closest to the observed
 * one in Kullback-Leibler divergence (Migacz 2017, "8-bit Inference with TensorRT").
 */
public final class Entropy implements Calibrator {
  private static final int LEVELS = 256;
  private static final int CANDIDATES = 128;

  private final Histogram histogram = new Histogram();

  private Entropy() {}

  public static Calibration calibration() {
    return new Calibration() {
      @Override
      public Calibrator calibrator() {
        return new Entropy();
      }

      @Override
      public String description() {
        return "entropy";
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
    double smallest = divergence(best);
    for (int i = CANDIDATES - 1; i > CANDIDATES / 8; i--) {
      Range candidate = histogram.clipped(largest * i / CANDIDATES);
      double divergence = divergence(candidate);
      if (divergence < smallest) {
        smallest = divergence;
        best = candidate;
      }
    }
    return best;
  }

  /** KL(P || Q): P is the clipped distribution, Q its 256-level version spread over P's bins. */
  private double divergence(Range range) {
    int first = bin(range.minimum());
    int last = bin(range.maximum());
    int bins = last - first + 1;
    double[] reference = new double[bins];
    double[] inside = new double[bins];
    for (int bin = 0; bin < Histogram.BINS; bin++) {
      int clipped = Math.max(first, Math.min(last, bin)) - first;
      reference[clipped] += histogram.count(bin);
      if (bin >= first && bin <= last) {
        inside[clipped] = histogram.count(bin);
      }
    }
    int levels = Math.min(LEVELS, bins);
    double[] quantized = new double[bins];
    for (int level = 0; level < levels; level++) {
      int from = (int) ((long) level * bins / levels);
      int to = (int) ((long) (level + 1) * bins / levels);
      double mass = 0;
      int occupied = 0;
      for (int i = from; i < to; i++) {
        mass += inside[i];
        occupied += reference[i] > 0 ? 1 : 0;
      }
      for (int i = from; i < to; i++) {
        quantized[i] = reference[i] > 0 ? mass / occupied : 0;
      }
    }
    double quantizedTotal = 0;
    for (double mass : quantized) {
      quantizedTotal += mass;
    }
    double divergence = 0;
    for (int i = 0; i < bins; i++) {
      if (reference[i] > 0) {
        double p = reference[i] / histogram.total();
        // A level that lost all its mass is infinitely surprising; a floor keeps candidates
        // comparable.
        double q = Math.max(quantized[i] / quantizedTotal, 1e-12);
        divergence += p * Math.log(p / q);
      }
    }
    return divergence;
  }

  private int bin(double value) {
    double low = histogram.binCenter(0) - histogram.binWidth() / 2;
    int bin = (int) Math.floor((value - low) / histogram.binWidth());
    return Math.max(0, Math.min(Histogram.BINS - 1, bin));
  }
}
