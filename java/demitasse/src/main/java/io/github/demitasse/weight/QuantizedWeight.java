package io.github.demitasse.weight;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Immutable: integer codes with scales: {@code value = scale * (code - zeroPoint)}.
 *
 * @param codes INT8 or UINT8, of the logical shape
 * @param scales FLOAT32: one element; [channels]; or the logical shape with the grouped axis
 *     divided by the group size
 * @param zeroPoints of the codes' type and the scales' shape, or null for zero
 */
public record QuantizedWeight(
    Tensor codes, Tensor scales, Tensor zeroPoints, Granularity granularity) implements Weight {

  public QuantizedWeight {
    if (codes.type() != DataType.INT8 && codes.type() != DataType.UINT8) {
      throw new IllegalArgumentException("codes must be INT8 or UINT8, given " + codes);
    }
    long expected = scaleCount(codes.shape(), granularity);
    if (scales.type() != DataType.FLOAT32 || scales.elements() != expected) {
      throw new IllegalArgumentException(
          "codes " + codes + " " + granularity + " need " + expected + " scales, given " + scales);
    }
    if (zeroPoints != null
        && (zeroPoints.type() != codes.type() || zeroPoints.elements() != expected)) {
      throw new IllegalArgumentException(
          "zero points " + zeroPoints + " do not fit codes " + codes + " and scales " + scales);
    }
    codes.leaveToCollector();
    scales.leaveToCollector();
    if (zeroPoints != null) {
      zeroPoints.leaveToCollector();
    }
  }

  private static long scaleCount(long[] shape, Granularity granularity) {
    if (granularity instanceof Granularity.PerChannel channel) {
      checkAxis(shape, channel.axis());
      return shape[channel.axis()];
    }
    if (granularity instanceof Granularity.PerGroup group) {
      checkAxis(shape, group.axis());
      if (group.size() <= 0 || shape[group.axis()] % group.size() != 0) {
        throw new IllegalArgumentException(
            "groups of "
                + group.size()
                + " do not divide axis "
                + group.axis()
                + " of "
                + Arrays.toString(shape));
      }
      return Arrays.stream(shape).reduce(1, (a, b) -> a * b) / group.size();
    }
    return 1;
  }

  private static void checkAxis(long[] shape, int axis) {
    if (axis < 0 || axis >= shape.length) {
      throw new IllegalArgumentException("axis " + axis + " of " + Arrays.toString(shape));
    }
  }

  @Override
  public long[] shape() {
    return codes.shape();
  }

  @Override
  public DataType type() {
    return DataType.FLOAT32;
  }

  @Override
  public String encoding() {
    return codes.type().name().toLowerCase(Locale.ROOT)
        + " "
        + granularity
        + (zeroPoints == null ? "" : " asymmetric");
  }

  @Override
  public Map<String, Tensor> parts() {
    Map<String, Tensor> parts = new LinkedHashMap<>();
    parts.put("codes", codes);
    parts.put("scales", scales);
    if (zeroPoints != null) {
      parts.put("zero_points", zeroPoints);
    }
    return parts;
  }

  @Override
  public Tensor dequantize() {
    long[] shape = codes.shape();
    long[] values = codes.toLongs();
    float[] scale = scales.toFloats();
    long[] zero = zeroPoints == null ? new long[scale.length] : zeroPoints.toLongs();
    int axis = 0;
    int groupSize = 1;
    if (granularity instanceof Granularity.PerChannel channel) {
      axis = channel.axis();
    } else if (granularity instanceof Granularity.PerGroup group) {
      axis = group.axis();
      groupSize = group.size();
    }
    int inner = 1;
    for (int i = axis + 1; i < shape.length; i++) {
      inner *= Math.toIntExact(shape[i]);
    }
    int along = shape.length == 0 ? 1 : Math.toIntExact(shape[axis]);
    boolean grouped = granularity instanceof Granularity.PerGroup;
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      int position = (i / inner) % along;
      int index = 0;
      if (grouped) {
        int outer = i / inner / along;
        index = (outer * (along / groupSize) + position / groupSize) * inner + i % inner;
      } else if (scale.length > 1) {
        index = position;
      }
      result[i] = scale[index] * (values[i] - zero[index]);
    }
    return Tensor.of(result, shape);
  }
}
