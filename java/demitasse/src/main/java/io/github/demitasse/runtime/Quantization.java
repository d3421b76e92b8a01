package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;

/**
 * Immutable: how a float value becomes UINT8 codes.
 *
 * @param mode a DMT_QUANTIZATION_ constant
 * @param scale of a static quantization, else 0
 * @param zeroPoint of a static quantization, else 0
 */
record Quantization(int mode, float scale, int zeroPoint) {

  /** What a FakeQuantize node asks for. */
  static Quantization of(Node node) {
    String mode = node.text("mode", "");
    return switch (mode) {
      case "dynamic_row" -> new Quantization(Demitasse.DMT_QUANTIZATION_DYNAMIC_ROW, 0, 0);
      case "dynamic_tensor" -> new Quantization(Demitasse.DMT_QUANTIZATION_DYNAMIC_TENSOR, 0, 0);
      case "static" -> {
        float scale = node.number("scale", 0);
        long zeroPoint = node.integer("zero_point", 0);
        if (!(scale > 0) || Float.isInfinite(scale) || zeroPoint < 0 || zeroPoint > 255) {
          throw new IllegalArgumentException(
              "node '" + node.name() + "': scale " + scale + ", zero point " + zeroPoint);
        }
        yield new Quantization(Demitasse.DMT_QUANTIZATION_STATIC, scale, (int) zeroPoint);
      }
      default ->
          throw new IllegalArgumentException(
              "node '" + node.name() + "': quantization mode '" + mode + "'");
    };
  }

  /** The code of a number where the quantization is static; that of 0 for NaN. */
  int code(float number) {
    float steps = number / scale;
    double code = Float.isNaN(steps) ? zeroPoint : Math.rint(steps) + zeroPoint;
    return (int) Math.max(0, Math.min(255, code));
  }

  // Written out: a record's own equals and hashCode cost milliseconds when first used.
  @Override
  public boolean equals(Object other) {
    return other instanceof Quantization quantization
        && mode == quantization.mode
        && scale == quantization.scale
        && zeroPoint == quantization.zeroPoint;
  }

  @Override
  public int hashCode() {
    return 31 * (31 * mode + Float.hashCode(scale)) + zeroPoint;
  }

  /** True when a row's codes depend on other rows. */
  boolean acrossRows() {
    return mode == Demitasse.DMT_QUANTIZATION_DYNAMIC_TENSOR;
  }
}
