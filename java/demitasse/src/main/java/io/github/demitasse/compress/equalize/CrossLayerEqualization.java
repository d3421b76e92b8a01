package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepContext;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Immutable: cross-layer equalization (Nagel et al. 2019, "Data-Free Quantization Through Weight
 * Equalization and Bias Correction"). Where one layer feeds another with nothing between that would
 * not let a factor pass, each channel is scaled so that its weights have the same range on both
 * sides: {@code s = sqrt(range before / range after)}. Such layers are linear ones with a ReLU or
 * an attention between, and convolutions with ReLU, its leaky forms, pooling, resizing or padding
 * between. Pairs are equalized in turn until nothing changes any more; so three convolutions in a
 * row, the middle one depthwise, come to {@code cbrt(range 1 x range 2 x range 3)} in each channel.
 * Needs no data, and costs nothing at run time.
 *
 * @param layers which linear layers and convolutions, on the side of the readers
 */
public record CrossLayerEqualization(Selector layers) implements Step {
  private static final Set<Layer.Kind> KINDS = Set.of(Layer.Kind.LINEAR, Layer.Kind.CONVOLUTION);

  /** Chains of a network of fifty convolutions settle within about twenty. */
  private static final int MOST_ROUNDS = 100;

  private static final double SETTLED = 1e-3;

  @Override
  public String name() {
    return "equalize";
  }

  @Override
  public Plan.StepPlan plan(Model model, Plan earlier) {
    return EqualizedLayers.plan(model, earlier, layers, KINDS, toString(), true, false);
  }

  @Override
  public boolean changesActivations() {
    return true;
  }

  @Override
  public Model apply(Model model, StepContext context) {
    InputScaling scaling = new InputScaling(model);
    Map<String, List<Layer>> byInput = EqualizedLayers.byInput(model, context.plan(), KINDS);
    boolean settled = false;
    for (int round = 0; !settled && round < MOST_ROUNDS; round++) {
      settled = true;
      for (Map.Entry<String, List<Layer>> pair : byInput.entrySet()) {
        settled &= equalize(pair.getKey(), pair.getValue(), scaling);
      }
    }
    byInput.forEach(
        (value, readers) -> {
          String before = scaling.layerBefore(value, readers);
          if (before != null) {
            String note = EqualizedLayers.withLayer(before);
            readers.forEach(reader -> context.notes().accept(reader.name(), note));
          }
        });
    return scaling.finish();
  }

  /** True when the ranges were equal already. */
  private static boolean equalize(String value, List<Layer> readers, InputScaling scaling) {
    float[] before = scaling.producerRanges(value, readers);
    if (before == null) {
      return true;
    }
    float[] factors = factors(before, scaling.readerRanges(readers));
    scaling.divide(value, readers, factors);
    for (float factor : factors) {
      if (Math.abs(factor - 1) > SETTLED) {
        return false;
      }
    }
    return true;
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
