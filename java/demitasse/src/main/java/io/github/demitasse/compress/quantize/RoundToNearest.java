package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;

/**
 * Thread-safe: INT8 codes by rounding each weight to the nearest multiple of its scale. Symmetric:
 * scale = max|w| / 127, codes -127 .. 127. Asymmetric: scale = (max - min) / 255 over a range that
 * includes zero, codes -128 .. 127 (Jacob et al. 2018).
 */
final class RoundToNearest {
  private RoundToNearest() {}

  /**
   * @param weights row-major [rows, columns]
   * @param channelAxis 0 or 1: one scale for each index of this axis; -1: one scale for all
   */
  static QuantizedWeight int8(
      float[] weights, int rows, int columns, int channelAxis, boolean symmetric) {
    int channels = channelAxis < 0 ? 1 : channelAxis == 0 ? rows : columns;
    float[] minimum = new float[channels];
    float[] maximum = new float[channels];
    for (int r = 0, i = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++, i++) {
        int channel = channelAxis < 0 ? 0 : channelAxis == 0 ? r : c;
        minimum[channel] = Math.min(minimum[channel], weights[i]);
        maximum[channel] = Math.max(maximum[channel], weights[i]);
      }
    }
    float[] scales = new float[channels];
    byte[] zeroPoints = new byte[channels];
    for (int channel = 0; channel < channels; channel++) {
      float scale =
          symmetric
              ? Math.max(-minimum[channel], maximum[channel]) / 127
              : (float) (((double) maximum[channel] - minimum[channel]) / 255);
      scales[channel] = scale > 0 ? scale : 1;
      zeroPoints[channel] =
          symmetric ? 0 : (byte) (Math.rint(-minimum[channel] / scales[channel]) - 128);
    }
    byte[] codes = new byte[weights.length];
    int lowest = symmetric ? -127 : -128;
    for (int r = 0, i = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++, i++) {
        int channel = channelAxis < 0 ? 0 : channelAxis == 0 ? r : c;
        int code = (int) Math.rint(weights[i] / scales[channel]) + zeroPoints[channel];
        codes[i] = (byte) Math.max(lowest, Math.min(127, code));
      }
    }
    long[] parameters = {channels};
    return new QuantizedWeight(
        Tensor.ofBytes(DataType.INT8, codes, rows, columns),
        Tensor.of(scales, parameters),
        symmetric ? null : Tensor.ofBytes(DataType.INT8, zeroPoints, parameters),
        channelAxis < 0 ? new Granularity.PerTensor() : new Granularity.PerChannel(channelAxis));
  }
}
