package io.github.demitasse.weight;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Immutable: integer codes with scales: {@code value = scale * (code - zeroPoint)}.
 *
 * @param codes INT8, UINT8, INT4, UINT4, INT2 or UINT2, of the logical shape
 * @param scales FLOAT32 or FLOAT16: one element; [channels]; or the logical shape with the grouped
 *     axis divided by the group size
 * @param zeroPoints of the codes' type and the scales' shape, or null for zero
 */
public record QuantizedWeight(
    Tensor codes, Tensor scales, Tensor zeroPoints, Granularity granularity) implements Weight {

  public QuantizedWeight {
    if (!codes.type().isInteger() || codes.type().bits() > 8) {
      throw new IllegalArgumentException(
          "codes must be integers of 2, 4 or 8 bits, given " + codes);
    }
    long expected = granularity.scaleCount(codes.shape());
    boolean floats = scales.type() == DataType.FLOAT32 || scales.type() == DataType.FLOAT16;
    if (!floats || scales.elements() != expected) {
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
    long[] values = codes.toLongs();
    float[] scale = scales.toFloats();
    long[] zero = zeroPoints == null ? new long[scale.length] : zeroPoints.toLongs();
    int[] indices = granularity.scaleIndices(codes.shape());
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = scale[indices[i]] * (values[i] - zero[indices[i]]);
    }
    return Tensor.of(result, codes.shape());
  }
}
