package io.github.demitasse.weight;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Immutable: a matrix of signs with scales: each value is {@code +scale} or {@code -scale}
 * (XNOR-Net, Rastegari et al. 2016).
 *
 * @param signs UINT8 [(rows * columns + 7) / 8]: element {@code i}, in row-major order, is bit
 *     {@code i % 8} of byte {@code i / 8}; 1 is +1, 0 is -1; the last byte's rest is zero
 * @param rows of the matrix
 * @param columns of the matrix
 * @param scales FLOAT32 or FLOAT16: one element; [channels]; or [rows / group size, columns] for
 *     groups along rows, [rows, columns / group size] along columns
 */
public record BinaryWeight(
    Tensor signs, int rows, int columns, Tensor scales, Granularity granularity) implements Weight {

  public BinaryWeight {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("a matrix of " + rows + " x " + columns);
    }
    long bytes = ((long) rows * columns + 7) / 8;
    if (signs.type() != DataType.UINT8 || signs.elements() != bytes) {
      throw new IllegalArgumentException(
          rows + " x " + columns + " signs need UINT8[" + bytes + "], given " + signs);
    }
    long expected = granularity.scaleCount(new long[] {rows, columns});
    boolean floats = scales.type() == DataType.FLOAT32 || scales.type() == DataType.FLOAT16;
    if (!floats || scales.elements() != expected) {
      throw new IllegalArgumentException(
          rows
              + " x "
              + columns
              + " signs "
              + granularity
              + " need "
              + expected
              + " scales, given "
              + scales);
    }
    signs.leaveToCollector();
    scales.leaveToCollector();
  }

  @Override
  public long[] shape() {
    return new long[] {rows, columns};
  }

  @Override
  public DataType type() {
    return DataType.FLOAT32;
  }

  @Override
  public String encoding() {
    return "binary " + granularity;
  }

  @Override
  public Map<String, Tensor> parts() {
    Map<String, Tensor> parts = new LinkedHashMap<>();
    parts.put("signs", signs);
    parts.put("scales", scales);
    return parts;
  }

  @Override
  public Tensor dequantize() {
    byte[] bits = signs.toBytes();
    float[] scale = scales.toFloats();
    int[] indices = granularity.scaleIndices(shape());
    float[] result = new float[indices.length];
    for (int i = 0; i < result.length; i++) {
      boolean positive = (bits[i / 8] >> i % 8 & 1) != 0;
      result[i] = positive ? scale[indices[i]] : -scale[indices[i]];
    }
    return Tensor.of(result, shape());
  }
}
