package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepContext;

/**
 * Immutable: cross-layer equalization (Nagel et al. 2019, "Data-Free Quantization Through Weight
 * Equalization and Bias Correction"). Where one layer feeds another with nothing but a ReLU or an
 * attention between, each channel is scaled so that its weights have the same range on both sides:
 * {@code s = sqrt(range before / range after)}. Needs no data, and costs nothing at run time.
 *
 * @param layers which linear layers, on the side of the readers
 */
public record CrossLayerEqualization(Selector layers) implements Step {

  @Override
  public String name() {
    return "equalize";
  }

  @Override
  public Plan.StepPlan plan(Model model, Plan earlier) {
    return EqualizedLayers.plan(model, earlier, layers, toString(), true, false);
  }

  @Override
  public boolean changesActivations() {
    return true;
  }

  @Override
  public Model apply(Model model, StepContext context) {
    InputScaling scaling = new InputScaling(model);
    EqualizedLayers.byInput(model, context.plan())
        .forEach(
            (value, readers) -> {
              float[] before = scaling.producerRanges(value, readers);
              if (before != null) {
                scaling.divide(value, readers, factors(before, RowRanges.ofAll(readers)));
              }
            });
    return scaling.finish();
  }

  /** The square root of the quotient; 1 for channels without weights on one side. */
  static float[] factors(float[] before, float[] after) {
    float[] factors = new float[before.length];
    for (int i = 0; i < factors.length; i++) {
      double quotient = (double) before[i] / after[i];
      factors[i] =
          before[i] > 0 && after[i] > 0 && Double.isFinite(quotient)
              ? (float) Math.sqrt(quotient)
              : 1;
    }
    return factors;
  }

  @Override
  public String toString() {
    return "equalize: ranges across layers";
  }
}
