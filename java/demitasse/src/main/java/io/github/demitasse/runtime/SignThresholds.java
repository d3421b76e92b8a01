package io.github.demitasse.runtime;

import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.Granularity;

/**
 * Thread-safe: the sign of a binary layer's result as a comparison of its integer sum (Umuroglu et
 * al. 2017, "FINN: A Framework for Fast, Scalable Binarized Neural Network Inference"): {@code
 * scale * sum + bias >= 0} is {@code sum >= threshold} for a scale that is not negative.
 */
final class SignThresholds {
  private SignThresholds() {}

  /** True for a weight that rows of signs can meet: one scale for each column, or for all. */
  static boolean takesSigns(BinaryWeight weight) {
    Granularity granularity = weight.granularity();
    return granularity instanceof Granularity.PerTensor
        || granularity instanceof Granularity.PerChannel channel && channel.axis() == 1
        || granularity instanceof Granularity.PerGroup group
            && group.axis() == 0
            && group.size() == weight.rows();
  }

  /**
   * The threshold of each column, from -k to k + 1 for k rows; null when a scale is negative or not
   * a number.
   *
   * @param bias may be null
   */
  static int[] of(BinaryWeight weight, float[] bias) {
    float[] scales = weight.scales().toFloats();
    int[] thresholds = new int[weight.columns()];
    for (int column = 0; column < thresholds.length; column++) {
      float scale = scales[scales.length == 1 ? 0 : column];
      if (!(scale >= 0)) {
        return null;
      }
      thresholds[column] = smallest(scale, bias == null ? 0 : bias[column], weight.rows());
    }
    return thresholds;
  }

  /** The smallest sum whose result is not negative; k + 1 if there is none. */
  private static int smallest(double scale, double bias, int k) {
    int low = -k;
    int high = k + 1;
    while (low < high) {
      int middle = (low + high) >> 1;
      if (scale * middle + bias >= 0) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
