package io.github.demitasse.compress.statistics;

import io.github.demitasse.compress.Observer;

/**
 * Confined to one thread: mean, mean magnitude and largest magnitude of each channel (element of
 * the last axis) of an activation.
 */
public final class ChannelStatistics implements Observer {
  private final double[] sums;
  private final double[] magnitudes;
  private final float[] largest;
  private long rows;

  /**
   * @param channels the length of the last axis
   */
  public ChannelStatistics(int channels) {
    sums = new double[channels];
    magnitudes = new double[channels];
    largest = new float[channels];
  }

  @Override
  public void observe(float[] values) {
    int channels = sums.length;
    for (int from = 0; from < values.length; from += channels) {
      for (int c = 0; c < channels; c++) {
        float value = values[from + c];
        float magnitude = Math.abs(value);
        sums[c] += value;
        magnitudes[c] += magnitude;
        largest[c] = Math.max(largest[c], magnitude);
      }
    }
    rows += values.length / channels;
  }

  /** How many rows were seen. */
  public long rows() {
    return rows;
  }

  /** The mean of each channel. */
  public float[] means() {
    return divided(sums);
  }

  /** The mean of each channel's magnitude. */
  public float[] meanMagnitudes() {
    return divided(magnitudes);
  }

  private float[] divided(double[] totals) {
    float[] result = new float[totals.length];
    for (int c = 0; c < result.length; c++) {
      result[c] = (float) (totals[c] / Math.max(1, rows));
    }
    return result;
  }

  /** The largest magnitude of each channel. */
  public float[] largestMagnitudes() {
    return largest.clone();
  }
}
