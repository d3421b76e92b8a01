package io.github.demitasse.compress;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Immutable: what a recipe will do to a model, found out without computing anything. */
public record Plan(List<StepPlan> steps) {
  public Plan {
    steps = List.copyOf(steps);
  }

  /**
   * What one step will do.
   *
   * @param step the step in the words of a recipe
   * @param layers the layers that the step's selector chose
   * @param needsCalibration true when the step cannot work without calibration data
   */
  public record StepPlan(String step, List<LayerPlan> layers, boolean needsCalibration) {
    public StepPlan {
      layers = List.copyOf(layers);
    }

    /** The names of the layers that the step will change. */
    public Set<String> changed() {
      return layers.stream()
          .filter(layer -> !layer.skipped())
          .map(LayerPlan::layer)
          .collect(Collectors.toUnmodifiableSet());
    }
  }

  public boolean needsCalibration() {
    return steps.stream().anyMatch(StepPlan::needsCalibration);
  }
}
