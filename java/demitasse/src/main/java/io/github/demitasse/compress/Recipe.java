package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.NodeEvaluator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Immutable and thread-safe: techniques in the order in which they are applied. */
public record Recipe(List<Step> steps) {
  public Recipe {
    steps = List.copyOf(steps);
    if (steps.isEmpty()) {
      throw new IllegalArgumentException("a recipe needs at least one step");
    }
  }

  public static Recipe of(Step... steps) {
    return new Recipe(List.of(steps));
  }

  /**
   * Reads a recipe from a YAML (or JSON) file; see {@link RecipeFile} for its form.
   *
   * @throws IllegalArgumentException naming the line and the unknown or wrong key
   */
  public static Recipe load(Path file) {
    return RecipeFile.read(file);
  }

  public static Builder builder() {
    return new Builder();
  }

  /**
   * What the recipe will touch, what the sizes will be and what is wrong, without computing.
   *
   * @throws IllegalArgumentException for what cannot work, naming the layer and its shape
   */
  public Plan plan(Model model) {
    Model canonical = Rewrites.canonical(model, NodeEvaluator::evaluateIfKnown);
    List<Plan.StepPlan> plans = new ArrayList<>();
    for (Step step : steps) {
      plans.add(step.plan(canonical, new Plan(plans)));
    }
    return new Plan(plans);
  }

  /** Confined to one thread: collects steps. */
  public static final class Builder {
    private final List<Step> steps = new ArrayList<>();

    private Builder() {}

    public Builder add(Step step) {
      steps.add(step);
      return this;
    }

    public Recipe build() {
      return new Recipe(steps);
    }
  }
}
