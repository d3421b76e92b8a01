package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Confined to one thread: says what a quantization will do to each layer, and what is wrong. */
final class QuantizationPlan {
  /** Integer accumulation of u8 x s8 products over a whole column stays exact up to this many. */
  private static final long LARGEST_INTEGER_K = 65_536;

  /** Weights of networks trained for signs are signs, but for rounding. */
  private static final double SIGNS_ALREADY = 0.999;

  private final Quantize settings;
  private final Model model;
  private final List<Layer> all;
  private final Map<String, Node> producers;
  private final Map<String, String> encodedEarlier = new HashMap<>();

  QuantizationPlan(Quantize settings, Model model, Plan earlier) {
    this.settings = settings;
    this.model = model;
    this.all = Layer.of(model);
    this.producers = model.graph().producers();
    for (Plan.StepPlan step : earlier.steps()) {
      for (LayerPlan layer : step.layers()) {
        if (!layer.skipped() && !layer.encodingAfter().equals(layer.encodingBefore())) {
          encodedEarlier.put(layer.layer(), layer.encodingAfter());
        }
      }
    }
  }

  Plan.StepPlan plan() {
    List<String> names = all.stream().map(Layer::name).toList();
    List<String> unmatched = settings.layers().patternsWithoutMatch(names);
    if (!unmatched.isEmpty()) {
      throw new IllegalArgumentException(
          "quantize: no layer matches "
              + String.join(", ", unmatched)
              + "; the model's layers: "
              + String.join(", ", names));
    }
    List<LayerPlan> plans = new ArrayList<>();
    boolean needsScales = false;
    for (Layer layer : all) {
      if (settings.layers().matches(layer.name())) {
        LayerPlan plan = plan(layer);
        plans.add(plan);
        needsScales |= !plan.skipped() && settings.needsSigns(layer, producers);
      }
    }
    if (plans.isEmpty()) {
      throw new IllegalArgumentException(
          all.isEmpty()
              ? "quantize: the model has no layers with weights"
              : "quantize: " + settings.layers() + " leaves no layer");
    }
    return new Plan.StepPlan(
        settings.toString(), plans, needsScales || settings.needsCalibration());
  }

  private LayerPlan plan(Layer layer) {
    String reason = reasonToSkip(layer);
    boolean skipped = !reason.isEmpty();
    if (!skipped) {
      requireGroupsThatDivide(layer);
      requireTrainedForSigns(layer);
      requireSigns(layer);
    }
    String encoding = layer.weight().encoding();
    long bytes = layer.weight().storedBytes();
    return new LayerPlan(
        layer.name(),
        Arrays.toString(layer.weight().shape()),
        encoding,
        skipped ? encoding : settings.scheme(layer).encoding(),
        bytes,
        skipped ? bytes : settings.scheme(layer).bytes(layer),
        reason,
        skipped ? null : settings.note(layer));
  }

  private String reasonToSkip(Layer layer) {
    if (settings.scheme(layer) == null) {
      return "lookup tables were excluded";
    }
    if (!(layer.weight() instanceof DenseWeight)) {
      return "already stored as " + layer.weight().encoding();
    }
    String earlier = encodedEarlier.get(layer.name());
    if (earlier != null) {
      return "an earlier step stores it as " + earlier;
    }
    WeightScheme scheme = settings.scheme(layer);
    if (scheme.format() == NumberFormat.INT8
        && !scheme.isGrouped()
        && layer.kind() == Layer.Kind.LINEAR
        && layer.weight().shape()[0] > LARGEST_INTEGER_K) {
      return "more than " + LARGEST_INTEGER_K + " inputs would overflow 32-bit accumulation";
    }
    if (scheme.isGrouped() && layer.kind() == Layer.Kind.CONVOLUTION) {
      return "convolutions have one scale for each channel or for all";
    }
    if (scheme.format() == NumberFormat.BINARY && layer.kind() != Layer.Kind.LINEAR) {
      return "only linear layers can be binary";
    }
    return reasonInOtherUses(layer);
  }

  /** A weight that two nodes read is quantized for both, if both are chosen and read it alike. */
  private String reasonInOtherUses(Layer layer) {
    for (Node node : model.graph().nodes()) {
      for (int i = 0; i < node.inputs().size(); i++) {
        if (!node.input(i).equals(layer.weightName())) {
          continue;
        }
        if (!layer.node().operator().equals(node.operator()) || i != layer.kind().weightInput()) {
          return "its weight is also used by '" + node.name() + "' in another way";
        }
        if (!settings.layers().matches(layer.kind().layerName(node))) {
          return "its weight is also used by '" + node.name() + "', which is not chosen";
        }
      }
    }
    return "";
  }

  private void requireTrainedForSigns(Layer layer) {
    WeightScheme scheme = settings.scheme(layer);
    if (scheme.format() != NumberFormat.BINARY || settings.forced()) {
      return;
    }
    double kept = XnorScaling.keptEnergy(layer, scheme.granularity(layer.kind()));
    if (kept < SIGNS_ALREADY) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "quantize: layer %s was not trained for binary weights: its signs and scales would"
                  + " keep %.0f %% of its energy, too little for a network to work without training;"
                  + " choose int4, or force it",
              layer,
              100 * kept));
    }
  }

  private void requireSigns(Layer layer) {
    if (!settings.forced() && settings.needsSigns(layer, producers)) {
      throw new IllegalArgumentException(
          "quantize: layer "
              + layer
              + " was not trained for binary activations: its input is not made of signs (where(x"
              + " >= 0, 1, -1)); leave the layer out, choose activations int8 or none, or force it");
    }
  }

  private void requireGroupsThatDivide(Layer layer) {
    if (settings.scheme(layer).granularity(layer.kind()) instanceof Granularity.PerGroup group) {
      long length = layer.weight().shape()[group.axis()];
      if (length % group.size() != 0) {
        throw new IllegalArgumentException(
            "quantize: layer "
                + layer
                + ": groups of "
                + group.size()
                + " do not divide its "
                + length
                + (layer.kind() == Layer.Kind.LINEAR || layer.kind().isRecurrent()
                    ? " inputs"
                    : " features")
                + sizesThatDivide(length)
                + ", or leave the layer out");
      }
    }
  }

  private static String sizesThatDivide(long length) {
    String sizes =
        WeightScheme.groups()
            .filter(size -> length % size == 0)
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(", "));
    return sizes.isEmpty()
        ? ", nor does any other size; give it a step of its own with granularity: channel"
        : "; choose one of " + sizes;
  }
}
