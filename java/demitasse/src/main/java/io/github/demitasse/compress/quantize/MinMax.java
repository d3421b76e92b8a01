package io.github.demitasse.compress.quantize;

/** Confined to one thread: the smallest and the largest value ever seen. */
public final class MinMax implements Calibrator {
  private float minimum = Float.POSITIVE_INFINITY;
  private float maximum = Float.NEGATIVE_INFINITY;

  private MinMax() {}

  public static Calibration calibration() {
    return new Calibration() {
      @Override
      public Calibrator calibrator() {
        return new MinMax();
      }

      @Override
      public String description() {
        return "min-max";
      }
    };
  }

  @Override
  public void observe(float[] values) {
    for (float value : values) {
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
    }
  }

  @Override
  public Range range() {
    if (minimum > maximum) {
      throw new IllegalStateException("nothing was observed");
    }
    return new Range(minimum, maximum);
  }
}
