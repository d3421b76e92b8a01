package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.HalfFloats;

/**
 * Immutable: what the codes of a group stand for: {@code weight = step * (code - zeroPoint)}.
 *
 * @param step finite and not zero
 * @param zeroPoint a code; 0 for symmetric ranges
 */
public record Scale(float step, int zeroPoint) {
  private static final float SMALLEST_FLOAT16 = 0x1p-24f;

  /**
   * A scale as it will be stored.
   *
   * @throws ArithmeticException if the step is beyond the type's range
   */
  static Scale stored(double step, int zeroPoint, Codes codes) {
    float rounded = (float) step;
    if (codes.scales() == DataType.FLOAT16 && rounded != 0) {
      rounded = HalfFloats.float16ToFloat(HalfFloats.floatToFloat16(rounded));
      if (rounded == 0) {
        rounded = (float) Math.copySign(SMALLEST_FLOAT16, step);
      }
    }
    if (!Float.isFinite(rounded)) {
      throw new ArithmeticException("a step of " + step + " is beyond " + codes.scales());
    }
    return new Scale(rounded == 0 ? 1 : rounded, zeroPoint);
  }
}
