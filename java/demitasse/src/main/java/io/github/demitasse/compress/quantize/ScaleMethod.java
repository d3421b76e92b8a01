package io.github.demitasse.compress.quantize;

/** Thread-safe: finds what the codes of a group of weights should stand for. */
public interface ScaleMethod {

  /**
   * The scale of a group.
   *
   * @param weights the group's weights, finite
   * @param importance how much the square of each weight's error weighs, not negative; null for all
   *     the same
   */
  Scale fit(float[] weights, float[] importance, Codes codes);

  /** True when it can find scales only for integers at even steps, not for codebooks. */
  default boolean needsEvenSteps() {
    return false;
  }

  /** In the words of a recipe: "min-max". */
  String description();
}
