package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Observations;
import io.github.demitasse.compress.Observer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.ProgressListener;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Immutable: post-training quantization of weights, and of the activations that meet them.
 *
 * <p>{@code Quantize.weights(INT8)} alone stores weights with one symmetric scale per output
 * channel. {@code .activations(INT8)} makes linear layers compute in integers: with a scale and
 * zero point found for each row of an activation as it comes (dynamic), or, after {@code
 * .calibrate(..)}, with fixed ones found from calibration data (static).
 *
 * @param weights the format of weights
 * @param channelScales one scale per channel instead of one per tensor
 * @param symmetric zero point 0
 * @param activations INT8, or null to leave activations in floating point
 * @param calibration how ranges of activations are found beforehand, or null for dynamic ones
 * @param embeddings whether lookup tables are quantized too
 * @param layers which layers
 */
public record Quantize(
    NumberFormat weights,
    boolean channelScales,
    boolean symmetric,
    NumberFormat activations,
    Calibration calibration,
    boolean embeddings,
    Selector layers)
    implements Step {

  /** Integer accumulation of u8 x s8 products stays exact up to this many. */
  private static final long LARGEST_INTEGER_K = 65_536;

  public Quantize {
    if (activations != null && (activations != NumberFormat.INT8 || weights != NumberFormat.INT8)) {
      throw new IllegalArgumentException(
          "activations can be int8 with int8 weights; given weights "
              + weights
              + ", activations "
              + activations);
    }
    if (calibration != null && activations == null) {
      throw new IllegalArgumentException("calibration serves activations, and none are quantized");
    }
  }

  public static Quantize weights(NumberFormat format) {
    return new Quantize(format, true, true, null, null, true, Selector.ALL);
  }

  public Quantize perTensor() {
    return new Quantize(weights, false, symmetric, activations, calibration, embeddings, layers);
  }

  public Quantize perChannel() {
    return new Quantize(weights, true, symmetric, activations, calibration, embeddings, layers);
  }

  public Quantize asymmetric() {
    return new Quantize(
        weights, channelScales, false, activations, calibration, embeddings, layers);
  }

  /** Dynamic, until {@link #calibrate} is called. */
  public Quantize activations(NumberFormat format) {
    return new Quantize(weights, channelScales, symmetric, format, calibration, embeddings, layers);
  }

  /** Fixed ranges for activations, found from calibration data by this method. */
  public Quantize calibrate(Calibration method) {
    return new Quantize(weights, channelScales, symmetric, activations, method, embeddings, layers);
  }

  public Quantize withoutEmbeddings() {
    return new Quantize(weights, channelScales, symmetric, activations, calibration, false, layers);
  }

  /** Only layers whose names match one of the patterns. */
  public Quantize in(String... patterns) {
    return in(Selector.of(patterns));
  }

  public Quantize in(Selector selector) {
    return new Quantize(
        weights, channelScales, symmetric, activations, calibration, embeddings, selector);
  }

  @Override
  public String name() {
    return "quantize";
  }

  @Override
  public Plan.StepPlan plan(Model model) {
    List<Layer> all = Layer.of(model);
    List<String> unmatched = layers.patternsWithoutMatch(all.stream().map(Layer::name).toList());
    if (!unmatched.isEmpty()) {
      throw new IllegalArgumentException(
          "quantize: no layer matches "
              + String.join(", ", unmatched)
              + "; the model's layers: "
              + String.join(", ", all.stream().map(Layer::name).toList()));
    }
    List<LayerPlan> plans = new ArrayList<>();
    for (Layer layer : all) {
      if (layers.matches(layer.name())) {
        plans.add(plan(model, layer));
      }
    }
    if (plans.isEmpty()) {
      throw new IllegalArgumentException(
          all.isEmpty()
              ? "quantize: the model has no layers with weights"
              : "quantize: " + layers + " leaves no layer");
    }
    return new Plan.StepPlan(toString(), plans, calibration != null);
  }

  private LayerPlan plan(Model model, Layer layer) {
    String reason = reasonToSkip(model, layer);
    Weight weight = layer.weight();
    return new LayerPlan(
        layer.name(),
        Arrays.toString(weight.shape()),
        weight.encoding(),
        reason.isEmpty() ? encodingAfter() : weight.encoding(),
        weight.storedBytes(),
        reason.isEmpty() ? bytesAfter(layer) : weight.storedBytes(),
        reason);
  }

  private String reasonToSkip(Model model, Layer layer) {
    if (layer.kind() != Layer.Kind.LINEAR && !embeddings) {
      return "lookup tables were excluded";
    }
    if (layer.weight() instanceof QuantizedWeight) {
      return "already stored as " + layer.weight().encoding();
    }
    if (weights == NumberFormat.INT8
        && layer.kind() == Layer.Kind.LINEAR
        && layer.weight().shape()[0] > LARGEST_INTEGER_K) {
      return "more than " + LARGEST_INTEGER_K + " inputs would overflow 32-bit accumulation";
    }
    for (Node node : model.graph().nodes()) {
      for (int i = 0; i < node.inputs().size(); i++) {
        boolean sameUse =
            layer.node().operator().equals(node.operator()) && i == layer.kind().weightInput();
        if (node.input(i).equals(layer.weightName()) && !sameUse) {
          return "its weight is also used by '" + node.name() + "' in another way";
        }
      }
    }
    return "";
  }

  private String encodingAfter() {
    return switch (weights) {
      case INT8 ->
          "int8 "
              + (channelScales ? "per channel" : "per tensor")
              + (symmetric ? "" : " asymmetric");
      case FLOAT16, BFLOAT16 -> weights.toString();
    };
  }

  private long bytesAfter(Layer layer) {
    long elements = layer.weight().elements();
    if (weights != NumberFormat.INT8) {
      return 2 * elements;
    }
    long channels = channelScales ? layer.weight().shape()[layer.kind().channelAxis()] : 1;
    return elements + channels * (symmetric ? 4 : 5);
  }

  @Override
  public Set<String> observedValues(Model model) {
    if (calibration == null) {
      return Set.of();
    }
    Set<String> values = new LinkedHashSet<>();
    chosen(model).stream()
        .filter(layer -> layer.kind() == Layer.Kind.LINEAR)
        .forEach(layer -> values.add(layer.node().input(0)));
    return values;
  }

  @Override
  public Observer observer(String value) {
    return calibration.calibrator();
  }

  private List<Layer> chosen(Model model) {
    return Layer.of(model).stream()
        .filter(layer -> layers.matches(layer.name()) && reasonToSkip(model, layer).isEmpty())
        .toList();
  }

  @Override
  public Model apply(Model model, Observations observations, ProgressListener progress) {
    List<Layer> chosen = chosen(model);
    Map<String, Layer> byWeight = new LinkedHashMap<>();
    chosen.forEach(layer -> byWeight.putIfAbsent(layer.weightName(), layer));
    Map<String, Weight> changed = new LinkedHashMap<>(model.weights());
    long done = 0;
    progress.progress(name(), done, byWeight.size());
    for (Layer layer : byWeight.values()) {
      changed.put(layer.weightName(), WeightQuantizer.quantize(layer, this));
      progress.progress(name(), ++done, byWeight.size());
    }
    Model quantized = model.withWeights(changed);
    if (activations == null) {
      return quantized;
    }
    return ActivationQuantization.insert(quantized, chosen, calibration != null, observations);
  }

  /** As a recipe writes it, on one line. */
  @Override
  public String toString() {
    return "quantize: weights "
        + encodingAfter()
        + (activations == null ? "" : ", activations " + activations)
        + (activations == null
            ? ""
            : calibration == null ? " dynamic" : " static by " + calibration.description());
  }
}
