package io.github.demitasse.compress;

import io.github.demitasse.Model;
import java.util.List;
import java.util.Map;

/**
 * Immutable: one technique with its settings. A step first says what it will do ({@link #plan}) and
 * what it must have seen of the activations ({@link #observers}); the compressor collects what all
 * steps need in one pass over the calibration data; then the step transforms the model.
 */
public interface Step {

  /** The step's name in recipes: "quantize". */
  String name();

  /**
   * What the step will do to a model whose patterns have been rewritten.
   *
   * @param earlier what the steps before it will do
   * @throws IllegalArgumentException for what cannot work, naming the layer and its shape, or the
   *     selector pattern that matches nothing
   */
  Plan.StepPlan plan(Model model, Plan earlier);

  /**
   * Fresh observers for the values that the step must have seen, by value name; empty when it needs
   * none.
   *
   * @param plan what {@link #plan} said
   */
  default Map<String, List<Observer>> observers(Model model, Plan.StepPlan plan) {
    return Map.of();
  }

  /**
   * True for a step that changes what flows between layers, though not what the model computes:
   * later steps then look at the activations anew.
   */
  default boolean changesActivations() {
    return false;
  }

  /** The transformed model. */
  Model apply(Model model, StepContext context);
}
