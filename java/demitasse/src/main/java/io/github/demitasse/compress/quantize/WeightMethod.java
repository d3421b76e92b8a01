package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.statistics.GramMatrix;
import java.util.function.Consumer;

/** Immutable and thread-safe: finds the scales and codes of a weight. */
public interface WeightMethod {

  /**
   * Gives a weight its scales and codes.
   *
   * @param weight of a linear layer: rows are inputs, columns outputs
   * @param inputs what the layer's input was on calibration data; null unless {@link #needsInputs}
   * @param notes takes what the report should say of this layer
   * @throws IllegalArgumentException if the data is too little or unusable, saying what is needed
   */
  void quantize(CodedMatrix weight, GramMatrix inputs, Consumer<String> notes);

  /** How scales are found; for lookup tables this is all there is to the method. */
  ScaleMethod scales();

  /** True when the method must have seen each layer's input. */
  default boolean needsInputs() {
    return false;
  }

  /**
   * True when layers are quantized one after the other, each for the inputs it gets from the
   * quantized layers before it; false when all inputs are those of the original model.
   */
  default boolean isSequential() {
    return false;
  }

  /** True when it can find codes only at even steps, not those of codebooks. */
  default boolean needsEvenSteps() {
    return scales().needsEvenSteps();
  }

  /** In the words of a recipe: "gptq". */
  String description();
}
