package io.github.demitasse.compress.quantize;

import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.Weight;

/**
 * Thread-safe: weights [directions, channels, inputs] of recurrent layers as matrices whose groups
 * of one scale lie together: [channels, directions * inputs] where a channel has one scale, else
 * [directions * channels, inputs].
 */
final class DirectionsSideBySide {
  private DirectionsSideBySide() {}

  /**
   * The matrix to find codes for.
   *
   * @param granularity of the weight: per tensor, per channel of axis 1, or groups of axis 2
   */
  static CodedMatrix matrix(float[] values, long[] shape, Granularity granularity, Codes codes) {
    int channels = Math.toIntExact(shape[1]);
    int inputs = Math.toIntExact(shape[2]);
    if (granularity instanceof Granularity.PerChannel) {
      float[] ordered = new float[values.length];
      int[] order = order(shape);
      for (int i = 0; i < order.length; i++) {
        ordered[i] = values[order[i]];
      }
      int columns = Math.toIntExact(shape[0] * inputs);
      return new CodedMatrix(ordered, channels, columns, new Granularity.PerChannel(0), codes);
    }
    Granularity ofRows =
        granularity instanceof Granularity.PerGroup group
            ? new Granularity.PerGroup(1, group.size())
            : granularity;
    int rows = Math.toIntExact(shape[0] * channels);
    return new CodedMatrix(values, rows, inputs, ofRows, codes);
  }

  /** The weight of a finished matrix from {@link #matrix}. */
  static Weight weight(CodedMatrix matrix, long[] shape, Granularity granularity) {
    long[] codes = matrix.codes();
    if (granularity instanceof Granularity.PerChannel) {
      long[] ordered = codes;
      codes = new long[ordered.length];
      int[] order = order(shape);
      for (int i = 0; i < order.length; i++) {
        codes[order[i]] = ordered[i];
      }
    }
    return matrix.toWeight(codes, granularity, shape);
  }

  /** For each element of the matrix with its channels first its place in the weight. */
  private static int[] order(long[] shape) {
    int directions = Math.toIntExact(shape[0]);
    int channels = Math.toIntExact(shape[1]);
    int inputs = Math.toIntExact(shape[2]);
    int[] order = new int[directions * channels * inputs];
    int next = 0;
    for (int channel = 0; channel < channels; channel++) {
      for (int direction = 0; direction < directions; direction++) {
        int from = (direction * channels + channel) * inputs;
        for (int input = 0; input < inputs; input++) {
          order[next++] = from + input;
        }
      }
    }
    return order;
  }
}
