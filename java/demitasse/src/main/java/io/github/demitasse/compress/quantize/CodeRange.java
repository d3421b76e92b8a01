package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.Arrays;

/**
 * Immutable: integers at even steps.
 *
 * @param type how codes are stored
 * @param lowest the smallest code
 * @param highest the largest code
 * @param symmetric the code 0 stands for zero; otherwise each group has its own zero point
 * @param scales how scales are stored: FLOAT32 or FLOAT16
 */
public record CodeRange(DataType type, int lowest, int highest, boolean symmetric, DataType scales)
    implements Codes {

  /**
   * No weight up to the magnitude is farther than half a step from a code.
   *
   * @return the symmetric scale
   */
  @Override
  public double scaleFor(double magnitude) {
    return magnitude / ((highest - lowest) / 2.0);
  }

  @Override
  public boolean mirrors() {
    return symmetric && lowest != -highest;
  }

  @Override
  public int round(float weight, float step, int zeroPoint) {
    int code = (int) Math.rint(weight / step) + zeroPoint;
    return Math.max(lowest, Math.min(highest, code));
  }

  @Override
  public float value(int code, float step, int zeroPoint) {
    return step * (code - zeroPoint);
  }

  @Override
  public long bytes(long elements, long groups) {
    return type.bytes(elements) + scales.bytes(groups) + (symmetric ? 0 : type.bytes(groups));
  }

  @Override
  public QuantizedWeight weight(
      Tensor codes, float[] steps, int[] zeroPoints, Granularity granularity) {
    long[] zeros = Arrays.stream(zeroPoints).asLongStream().toArray();
    return new QuantizedWeight(
        codes,
        Tensor.fromFloats(scales, steps, steps.length),
        symmetric ? null : Tensor.ofIntegers(type, zeros, zeros.length),
        granularity);
  }
}
