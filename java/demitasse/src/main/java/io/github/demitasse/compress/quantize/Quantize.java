package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Observer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepContext;
import io.github.demitasse.compress.quantize.WeightScheme.Sharing;
import io.github.demitasse.graph.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Immutable: post-training quantization of weights, and of the activations that meet them.
 *
 * <p>{@code Quantize.weights(INT8)} alone stores weights with one symmetric scale per output
 * channel; {@code Quantize.weights(INT4).group(32)} with one for every 32 weights of an output;
 * {@code NF4} and {@code CODEBOOK4} likewise, with 16 levels that are not evenly spaced. {@code
 * .activations(INT8)} makes linear layers compute in integers: with a scale and zero point found
 * for each row of an activation as it comes (dynamic), or, after {@code .calibrate(..)}, with fixed
 * ones found from calibration data (static). Several steps, each with layers of its own, give a
 * model of mixed formats: a layer is left as the first of them made it.
 *
 * @param weights how weights of linear layers are stored
 * @param method how their scales and codes are found
 * @param correctsBias the mean error of each output channel of linear layers and convolutions on
 *     calibration data is taken off the bias, layer after layer (Nagel et al. 2019, "Data-Free
 *     Quantization Through Weight Equalization and Bias Correction")
 * @param activations INT8; BINARY, with binary weights: signs, for networks trained for them; or
 *     null to leave activations in floating point
 * @param calibration how ranges of activations are found beforehand, or null for dynamic ones
 * @param embeddings how lookup tables are stored, or null to leave them as they are
 * @param forced binary weights and activations also for layers that were not trained for them
 * @param layers which layers
 */
public record Quantize(
    WeightScheme weights,
    WeightMethod method,
    boolean correctsBias,
    NumberFormat activations,
    Calibration calibration,
    WeightScheme embeddings,
    boolean forced,
    Selector layers)
    implements Step {

  public Quantize {
    boolean signs = activations == NumberFormat.BINARY;
    if (activations != null
        && !(activations == NumberFormat.INT8 && weights.format().hasScales())
        && !(signs && weights.format() == NumberFormat.BINARY)) {
      throw new IllegalArgumentException(
          "activations can be int8 with weights of codes or signs, and binary with binary weights;"
              + " given weights "
              + weights.format()
              + ", activations "
              + activations);
    }
    if (signs && (calibration != null || correctsBias)) {
      throw new IllegalArgumentException(
          "binary activations have no range to calibrate and no bias to correct");
    }
    requireMethodFor(method, weights);
    if (embeddings != null) {
      requireMethodFor(method, embeddings);
    }
    if (calibration != null && activations == null) {
      throw new IllegalArgumentException("calibration serves activations, and none are quantized");
    }
  }

  private static void requireMethodFor(WeightMethod method, WeightScheme scheme) {
    if (scheme.format().hasCodebook() && method.needsEvenSteps()) {
      throw new IllegalArgumentException(
          method.description()
              + " needs codes at even steps, and those of "
              + scheme.format()
              + " look up levels; for them there are rtn, mse and gptq");
    }
  }

  public static Quantize weights(NumberFormat format) {
    WeightScheme scheme = WeightScheme.of(format);
    WeightScheme tables = format == NumberFormat.BINARY ? null : scheme;
    return new Quantize(
        scheme, new RoundToNearest(), false, null, null, tables, false, Selector.ALL);
  }

  /** One scale for each matrix. */
  public Quantize perTensor() {
    return with(weights.with(Sharing.TENSOR, 0));
  }

  /** One scale for each output of a linear layer and each entry of a table; the default. */
  public Quantize perChannel() {
    return with(weights.with(Sharing.CHANNEL, 0));
  }

  /**
   * One scale for every {@code size} consecutive weights of an output.
   *
   * @param size a multiple of 16 from 16 to 256
   */
  public Quantize group(int size) {
    return with(weights.with(Sharing.GROUP, size));
  }

  /** Each scale has a zero point. */
  public Quantize asymmetric() {
    return with(weights.asymmetric());
  }

  /** Tables of the same format change with the weights. */
  private Quantize with(WeightScheme scheme) {
    return new Quantize(
        scheme,
        method,
        correctsBias,
        activations,
        calibration,
        weights.equals(embeddings) ? scheme : embeddings,
        forced,
        layers);
  }

  /** How scales and codes are found; the default is {@link RoundToNearest}. */
  public Quantize by(WeightMethod newMethod) {
    return new Quantize(
        weights, newMethod, correctsBias, activations, calibration, embeddings, forced, layers);
  }

  /** Corrects biases; needs calibration data and runs it through the layers one by one. */
  public Quantize correctBias() {
    return new Quantize(
        weights, method, true, activations, calibration, embeddings, forced, layers);
  }

  /** Dynamic, until {@link #calibrate} is called. */
  public Quantize activations(NumberFormat format) {
    return new Quantize(
        weights, method, correctsBias, format, calibration, embeddings, forced, layers);
  }

  /** Fixed ranges for activations, found from calibration data by this method. */
  public Quantize calibrate(Calibration ranges) {
    return new Quantize(
        weights, method, correctsBias, activations, ranges, embeddings, forced, layers);
  }

  /** Lookup tables in a format of their own, with a scale for each entry. */
  public Quantize embeddings(NumberFormat format) {
    return new Quantize(
        weights,
        method,
        correctsBias,
        activations,
        calibration,
        WeightScheme.of(format),
        forced,
        layers);
  }

  public Quantize withoutEmbeddings() {
    return new Quantize(
        weights, method, correctsBias, activations, calibration, null, forced, layers);
  }

  /** Binary weights and activations also where the network was not trained for them. */
  public Quantize force() {
    return new Quantize(
        weights, method, correctsBias, activations, calibration, embeddings, true, layers);
  }

  /** Only layers whose names match one of the patterns. */
  public Quantize in(String... patterns) {
    return in(Selector.of(patterns));
  }

  public Quantize in(Selector selector) {
    return new Quantize(
        weights, method, correctsBias, activations, calibration, embeddings, forced, selector);
  }

  @Override
  public String name() {
    return "quantize";
  }

  /** How a layer's weight will be stored; null for none. */
  WeightScheme scheme(Layer layer) {
    return switch (layer.kind()) {
      case LINEAR, CONVOLUTION, RECURRENT_INPUT, RECURRENCE -> weights;
      case EMBEDDING, POSITION_EMBEDDING -> embeddings;
    };
  }

  /**
   * The codes of a layer's weight; codebooks that meet quantized activations say what those see.
   */
  Codes codes(Layer layer) {
    Codes codes = scheme(layer).codes();
    boolean meetsCodes = layer.takesCodes() || layer.kind().isRecurrent();
    return activations != null && meetsCodes && codes instanceof Codebook book
        ? book.withIntegerLevels()
        : codes;
  }

  /** True for a layer that is to compute with signs and does not get them yet. */
  boolean needsSigns(Layer layer, Map<String, Node> producers) {
    return activations == NumberFormat.BINARY
        && layer.kind() == Layer.Kind.LINEAR
        && !SignActivations.has(producers, layer);
  }

  /** What plans and reports say of a layer that is not quantized as asked for; else null. */
  String note(Layer layer) {
    boolean recurrent = layer.kind().isRecurrent();
    boolean convolution = layer.kind() == Layer.Kind.CONVOLUTION;
    List<String> notes = new ArrayList<>();
    if ((recurrent || convolution) && method.needsInputs() && weights.format().hasScales()) {
      notes.add("rounded to nearest: " + method.description() + " is for linear layers");
    }
    if (recurrent && activations != null && calibration != null) {
      notes.add("rows of its input and state get their ranges as they come, not fixed ones");
    }
    if (convolution && activations == NumberFormat.INT8) {
      String floating = reasonForFloats(layer);
      if (floating != null) {
        notes.add("computes in floating point: " + floating);
      }
    }
    return notes.isEmpty() ? null : String.join("; ", notes);
  }

  private String reasonForFloats(Layer convolution) {
    if (calibration == null) {
      return "int8 activations of convolutions need calibrated ranges";
    }
    if (!convolution.takesCodes()) {
      return "no integer kernel that adds so many products";
    }
    return weights.symmetric() ? null : "no integer kernel for weights with zero points";
  }

  boolean needsCalibration() {
    return calibration != null || method.needsInputs() || correctsBias;
  }

  @Override
  public Plan.StepPlan plan(Model model, Plan earlier) {
    return new QuantizationPlan(this, model, earlier).plan();
  }

  @Override
  public Map<String, List<Observer>> observers(Model model, Plan.StepPlan plan) {
    return new QuantizationRun(this, model).observers(plan);
  }

  @Override
  public Model apply(Model model, StepContext context) {
    return new QuantizationRun(this, model).apply(context);
  }

  /** As a recipe writes it, on one line. */
  @Override
  public String toString() {
    return "quantize: weights "
        + weights
        + (method.equals(new RoundToNearest()) ? "" : " by " + method.description())
        + (correctsBias ? ", bias corrected" : "")
        + (weights.equals(embeddings)
            ? ""
            : embeddings == null ? ", no tables" : ", tables " + embeddings)
        + (activations == null ? "" : ", activations " + activations)
        + (activations == null
            ? ""
            : activations == NumberFormat.BINARY
                ? ""
                : calibration == null ? " dynamic" : " static by " + calibration.description());
  }
}
