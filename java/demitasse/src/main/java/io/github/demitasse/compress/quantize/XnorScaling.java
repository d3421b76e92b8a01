package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.Layer;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.Granularity;

/**
 * Thread-safe: signs and the scales that go with them best: {@code W ~ mean|W| sign(W)} for each
 * channel or group (Rastegari et al. 2016, "XNOR-Net: ImageNet Classification Using Binary
 * Convolutional Neural Networks"). Zero counts as positive.
 */
final class XnorScaling {
  private XnorScaling() {}

  /**
   * @param weights row-major [rows, columns], finite
   */
  static BinaryWeight binary(float[] weights, int rows, int columns, Granularity granularity) {
    byte[] signs = new byte[(weights.length + 7) / 8];
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] >= 0) {
        signs[i / 8] |= (byte) (1 << i % 8);
      }
    }
    float[] scales = meanMagnitudes(weights, granularity.scaleIndices(new long[] {rows, columns}));
    return new BinaryWeight(
        Tensor.ofBytes(DataType.UINT8, signs, signs.length),
        rows,
        columns,
        Tensor.of(scales, scales.length),
        granularity);
  }

  /** The same signs with other scales. */
  static BinaryWeight scaled(BinaryWeight weight, float factor) {
    float[] scales = weight.scales().toFloats();
    for (int i = 0; i < scales.length; i++) {
      scales[i] *= factor;
    }
    return new BinaryWeight(
        weight.signs(),
        weight.rows(),
        weight.columns(),
        Tensor.of(scales, scales.length),
        weight.granularity());
  }

  /**
   * @param groups for each weight the index of its group
   */
  private static float[] meanMagnitudes(float[] weights, int[] groups) {
    int count = 0;
    for (int group : groups) {
      count = Math.max(count, group + 1);
    }
    double[] sums = new double[count];
    int[] members = new int[count];
    for (int i = 0; i < weights.length; i++) {
      sums[groups[i]] += Math.abs(weights[i]);
      members[groups[i]]++;
    }
    float[] means = new float[count];
    for (int group = 0; group < count; group++) {
      means[group] = (float) (sums[group] / members[group]);
    }
    return means;
  }

  /**
   * The share of a weight's squares that signs and scales keep: 1 for signs, 0.64 for a normal
   * distribution.
   */
  static double keptEnergy(Layer layer, Granularity granularity) {
    float[] weights;
    try (Tensor tensor = layer.weight().dequantize()) {
      weights = tensor.toFloats();
    }
    int[] groups = granularity.scaleIndices(layer.weight().shape());
    float[] means = meanMagnitudes(weights, groups);
    double kept = 0;
    double all = 0;
    for (int i = 0; i < weights.length; i++) {
      kept += (double) means[groups[i]] * means[groups[i]];
      all += (double) weights[i] * weights[i];
    }
    return all == 0 ? 1 : kept / all;
  }
}
