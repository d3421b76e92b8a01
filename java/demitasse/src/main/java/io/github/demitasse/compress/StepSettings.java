package io.github.demitasse.compress;

/** Immutable: a step as a recipe file writes it. */
public interface StepSettings {

  /**
   * The step.
   *
   * @throws IllegalArgumentException for settings that do not go together
   */
  Step toStep();
}
