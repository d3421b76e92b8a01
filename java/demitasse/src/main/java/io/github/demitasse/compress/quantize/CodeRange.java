package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.DataType;

/**
 * Immutable: the integers that weights become.
 *
 * @param type how codes are stored
 * @param lowest the smallest code
 * @param highest the largest code
 * @param symmetric the code 0 stands for zero; otherwise each group has its own zero point
 * @param scales how scales are stored: FLOAT32 or FLOAT16
 */
public record CodeRange(
    DataType type, int lowest, int highest, boolean symmetric, DataType scales) {

  /**
   * The codes of a scheme.
   *
   * @throws IllegalArgumentException for a floating-point format, which has none
   */
  public static CodeRange of(WeightScheme scheme) {
    boolean symmetric = scheme.symmetric();
    DataType scales = scheme.isGrouped() ? DataType.FLOAT16 : DataType.FLOAT32;
    return switch (scheme.format()) {
      case INT8 -> new CodeRange(DataType.INT8, symmetric ? -127 : -128, 127, symmetric, scales);
      case INT4 ->
          symmetric
              ? new CodeRange(DataType.INT4, -8, 7, true, DataType.FLOAT16)
              : new CodeRange(DataType.UINT4, 0, 15, false, DataType.FLOAT16);
      case FLOAT16, BFLOAT16, BINARY ->
          throw new IllegalArgumentException(scheme.format() + " has no codes");
    };
  }

  /**
   * The symmetric scale at which no weight up to this magnitude is farther than half a step from a
   * code.
   */
  double scaleFor(double magnitude) {
    return magnitude / ((highest - lowest) / 2.0);
  }

  /** The code nearest to a weight. */
  int round(float weight, Scale scale) {
    return round(weight, scale.step(), scale.zeroPoint());
  }

  int round(float weight, float step, int zeroPoint) {
    int code = (int) Math.rint(weight / step) + zeroPoint;
    return Math.max(lowest, Math.min(highest, code));
  }
}
