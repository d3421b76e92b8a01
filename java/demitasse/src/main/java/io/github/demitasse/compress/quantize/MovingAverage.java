package io.github.demitasse.compress.quantize;

/**
 * Confined to one thread: exponential moving averages of each batch's minimum and maximum (Jacob et
 * al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
 * Inference").
 */
public final class MovingAverage implements Calibrator {
  private final float momentum;
  private boolean started;
  private float minimum;
  private float maximum;

  private MovingAverage(float momentum) {
    this.momentum = momentum;
  }

  /**
   * @param momentum the weight of the past, 0 .. 1 exclusive
   */
  public static Calibration of(double momentum) {
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException("momentum must be in [0, 1), given " + momentum);
    }
    return new Calibration() {
      @Override
      public Calibrator calibrator() {
        return new MovingAverage((float) momentum);
      }

      @Override
      public String description() {
        return "moving-average " + momentum;
      }
    };
  }

  @Override
  public void observe(float[] values) {
    if (values.length == 0) {
      return;
    }
    float batchMinimum = values[0];
    float batchMaximum = values[0];
    for (float value : values) {
      batchMinimum = Math.min(batchMinimum, value);
      batchMaximum = Math.max(batchMaximum, value);
    }
    float past = started ? momentum : 0;
    minimum = past * minimum + (1 - past) * batchMinimum;
    maximum = past * maximum + (1 - past) * batchMaximum;
    started = true;
  }

  @Override
  public Range range() {
    if (!started) {
      throw new IllegalStateException("nothing was observed");
    }
    return new Range(minimum, maximum);
  }
}
