package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Dataset;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Confined to one thread: what a step works with beside the model.
 *
 * @param plan what the step said it will do
 * @param observations what the step's observers saw in the shared pass over the calibration data
 * @param calibration the data itself, for steps that look again; null when there is none
 * @param progress hears how far the step has come
 * @param notes takes what the report should say about a layer: its name and a short sentence
 */
public record StepContext(
    Plan.StepPlan plan,
    Observations observations,
    Dataset calibration,
    ProgressListener progress,
    BiConsumer<String, String> notes) {

  /**
   * Runs the calibration data through a model, no further than the values need, and shows what
   * passes to the observers.
   *
   * @throws IllegalArgumentException if there is no sample, or if a value is NaN or infinite,
   *     naming sample and value
   */
  public void observe(Model model, Map<String, ? extends Observer> byValue) {
    new ActivationPass(model, byValue.keySet())
        .over(
            calibration,
            "calibrate",
            ProgressListener.NONE,
            (value, elements) -> byValue.get(value).observe(elements));
  }
}
