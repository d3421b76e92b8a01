package io.github.demitasse.benchmarks.harness;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Step;
import io.github.demitasse.evaluate.Dataset;
import java.util.List;

/**
 * Immutable: a way to compress a model that a table has a row for.
 *
 * @param name of the row
 * @param steps of the recipe; none for the model as it is
 * @param exported whether ONNX Runtime is to run what we export of it, too
 */
public record Variant(String name, List<Step> steps, boolean exported) {
  public Variant {
    steps = List.copyOf(steps);
  }

  public static Variant of(String name, Step... steps) {
    return new Variant(name, List.of(steps), false);
  }

  /** Against itself in ONNX Runtime, besides the original. */
  public Variant exportedToo() {
    return new Variant(name, steps, true);
  }

  Model of(Model model, Dataset calibration) {
    return steps.isEmpty()
        ? model
        : Compressor.on(model).calibration(calibration).apply(new Recipe(steps)).model();
  }
}
