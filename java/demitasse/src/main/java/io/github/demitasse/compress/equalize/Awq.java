package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Observer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepContext;
import io.github.demitasse.compress.quantize.CodedMatrix;
import io.github.demitasse.compress.quantize.SmallestError;
import io.github.demitasse.compress.quantize.WeightScheme;
import io.github.demitasse.compress.statistics.ChannelStatistics;
import io.github.demitasse.compress.statistics.GramMatrix;
import io.github.demitasse.runtime.LinearAlgebra;
import io.github.demitasse.runtime.LinearAlgebra.Matrix;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Immutable: activation-aware weight quantization (Lin et al. 2023, "AWQ: Activation-aware Weight
 * Quantization for LLM Compression and Acceleration"). Rows of a weight that meet large activations
 * are made larger before rounding, and the activations smaller by as much: {@code s =
 * (mean|X|)^alpha}, with the alpha of a grid at which the nearest codes give the smallest output
 * error. Comes before a {@code quantize} step with the same weights.
 *
 * @param weights how weights will be stored
 * @param layers which linear layers
 */
public record Awq(WeightScheme weights, Selector layers) implements Step {
  private static final int GRID = 10;
  private static final float SMALLEST = 1e-4f;

  public Awq {
    if (!weights.format().hasCodes()) {
      throw new IllegalArgumentException(
          "awq: " + weights.format() + " has no codes to prepare for");
    }
  }

  @Override
  public String name() {
    return "awq";
  }

  @Override
  public Plan.StepPlan plan(Model model, Plan earlier) {
    return EqualizedLayers.plan(model, earlier, layers, toString(), true);
  }

  @Override
  public Map<String, List<Observer>> observers(Model model, Plan.StepPlan plan) {
    return EqualizedLayers.observers(
        model, plan, size -> List.of(new ChannelStatistics(size), new GramMatrix(size)));
  }

  @Override
  public boolean changesActivations() {
    return true;
  }

  @Override
  public Model apply(Model model, StepContext context) {
    InputScaling scaling = new InputScaling(model);
    Map<String, List<Layer>> byInput = EqualizedLayers.byInput(model, context.plan());
    long done = 0;
    for (Map.Entry<String, List<Layer>> entry : byInput.entrySet()) {
      String value = entry.getKey();
      float[] magnitudes =
          context.observations().of(value, ChannelStatistics.class).meanMagnitudes();
      Matrix hessian = hessian(context.observations().of(value, GramMatrix.class));
      double best = 0;
      double smallest = error(entry.getValue(), hessian, factors(magnitudes, 0));
      for (int i = 1; i < GRID; i++) {
        double alpha = (double) i / GRID;
        double error = error(entry.getValue(), hessian, factors(magnitudes, alpha));
        if (error < smallest) {
          smallest = error;
          best = alpha;
        }
      }
      if (best > 0) {
        scaling.divide(value, entry.getValue(), factors(magnitudes, best));
      }
      String note = String.format(Locale.ROOT, "awq: alpha %.1f", best);
      entry.getValue().forEach(layer -> context.notes().accept(layer.name(), note));
      context.progress().progress(name(), ++done, byInput.size());
    }
    return scaling.finish();
  }

  private static Matrix hessian(GramMatrix inputs) {
    double[] mean = inputs.mean();
    float[] values = new float[mean.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) mean[i];
    }
    return Matrix.of(values, inputs.size(), inputs.size());
  }

  /** {@code magnitude^alpha}, brought to the middle of its range. */
  static float[] factors(float[] magnitudes, double alpha) {
    float[] factors = new float[magnitudes.length];
    double low = Double.POSITIVE_INFINITY;
    double high = 0;
    for (int i = 0; i < factors.length; i++) {
      factors[i] = (float) Math.max(SMALLEST, Math.pow(magnitudes[i], alpha));
      low = Math.min(low, factors[i]);
      high = Math.max(high, factors[i]);
    }
    double middle = Math.sqrt(low * high);
    for (int i = 0; i < factors.length; i++) {
      factors[i] /= (float) middle;
    }
    return factors;
  }

  /** The squared output error of all readers: {@code tr(d^T H d)}, d = rounded(s w) / s - w. */
  private double error(List<Layer> readers, Matrix hessian, float[] factors) {
    double error = 0;
    int rows = factors.length;
    for (Layer reader : readers) {
      float[] exact = RowRanges.floats(reader);
      int columns = exact.length / rows;
      float[] scaled = new float[exact.length];
      for (int i = 0; i < exact.length; i++) {
        scaled[i] = exact[i] * factors[i / columns];
      }
      CodedMatrix matrix =
          new CodedMatrix(
              scaled, rows, columns, weights.granularity(reader.kind()), weights.codes());
      matrix.fitScales(SmallestError.INSTANCE, null);
      matrix.roundAll();
      float[] difference = matrix.dequantized();
      for (int i = 0; i < exact.length; i++) {
        difference[i] = difference[i] / factors[i / columns] - exact[i];
      }
      float[] product = new float[exact.length];
      LinearAlgebra.multiply(
          1, hessian, Matrix.of(difference, rows, columns), 0, Matrix.of(product, rows, columns));
      for (int i = 0; i < product.length; i++) {
        error += (double) product[i] * difference[i];
      }
    }
    return error;
  }

  @Override
  public String toString() {
    return "awq: for weights " + weights;
  }
}
