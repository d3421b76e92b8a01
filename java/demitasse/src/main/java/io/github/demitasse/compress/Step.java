package io.github.demitasse.compress;

import io.github.demitasse.Model;
import java.util.Set;

/**
 * Immutable: one technique with its settings. A step first says what it will do ({@link #plan}) and
 * which activations it must have seen ({@link #observedValues}); the compressor collects what all
 * steps need in one pass over the calibration data; then the step transforms the model.
 */
public interface Step {

  /** The step's name in recipes: "quantize". */
  String name();

  /**
   * What the step will do to a model whose patterns have been rewritten.
   *
   * @throws IllegalArgumentException for what cannot work, naming the layer and its shape, or the
   *     selector pattern that matches nothing
   */
  Plan.StepPlan plan(Model model);

  /**
   * The values whose distribution the step needs from calibration data; empty when it needs none.
   */
  default Set<String> observedValues(Model model) {
    return Set.of();
  }

  /** A fresh observer for one of {@link #observedValues}. */
  default Observer observer(String value) {
    throw new IllegalStateException(name() + " observes nothing");
  }

  /** The transformed model. */
  Model apply(Model model, Observations observations, ProgressListener progress);
}
