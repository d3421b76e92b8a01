package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Observer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepContext;
import io.github.demitasse.compress.statistics.ChannelStatistics;
import java.util.List;
import java.util.Map;

/**
 * Immutable: SmoothQuant (Xiao et al. 2022, "SmoothQuant: Accurate and Efficient Post-Training
 * Quantization for Large Language Models"). Channels of an activation with outliers are divided by
 * {@code s = max|X|^alpha / max|W|^(1 - alpha)} and the weights' rows multiplied by it, so that the
 * range of an activation does not hang on a few channels. Comes before a {@code quantize} step.
 *
 * @param alpha how much of the difficulty moves from activations to weights, 0 to 1
 * @param layers which linear layers
 */
public record SmoothQuant(double alpha, Selector layers) implements Step {
  /** The paper's for most models. */
  public static final double DEFAULT_ALPHA = 0.5;

  /** Channels that are always zero would otherwise get a factor of zero. */
  private static final double SMALLEST = 1e-5;

  public SmoothQuant {
    if (!(alpha >= 0 && alpha <= 1)) {
      throw new IllegalArgumentException("smooth-quant: alpha is from 0 to 1, given " + alpha);
    }
  }

  public SmoothQuant() {
    this(DEFAULT_ALPHA, Selector.ALL);
  }

  @Override
  public String name() {
    return "smooth-quant";
  }

  @Override
  public Plan.StepPlan plan(Model model, Plan earlier) {
    return EqualizedLayers.plan(model, earlier, layers, toString(), true);
  }

  @Override
  public Map<String, List<Observer>> observers(Model model, Plan.StepPlan plan) {
    return EqualizedLayers.observers(model, plan, size -> List.of(new ChannelStatistics(size)));
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
              float[] activations =
                  context.observations().of(value, ChannelStatistics.class).largestMagnitudes();
              float[] weights = RowRanges.ofAll(readers);
              scaling.divide(value, readers, factors(activations, weights, alpha));
            });
    return scaling.finish();
  }

  /** {@code max|X|^alpha / max|W|^(1 - alpha)} for each channel. */
  static float[] factors(float[] activations, float[] weights, double alpha) {
    float[] factors = new float[activations.length];
    for (int i = 0; i < factors.length; i++) {
      double activation = Math.max(activations[i], SMALLEST);
      double weight = Math.max(weights[i], SMALLEST);
      factors[i] =
          (float) Math.max(SMALLEST, Math.pow(activation, alpha) / Math.pow(weight, 1 - alpha));
    }
    return factors;
  }

  @Override
  public String toString() {
    return "smooth-quant: alpha " + alpha;
  }
}
