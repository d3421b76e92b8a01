package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Observer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.DenseWeight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;

/** Thread-safe: which layers an equalizing step can change. */
final class EqualizedLayers {
  private EqualizedLayers() {}

  private static final Set<Layer.Kind> LINEAR = Set.of(Layer.Kind.LINEAR);

  /** What a step for linear layers will do. */
  static Plan.StepPlan plan(
      Model model, Plan earlier, Selector layers, String step, boolean needsData) {
    return plan(model, earlier, layers, LINEAR, step, false, needsData);
  }

  /**
   * What a step will do: nothing that shows in sizes.
   *
   * @param kinds of layers that it works on
   * @param onlyFree true to leave out those before which no layer's weights can take the factors
   */
  static Plan.StepPlan plan(
      Model model,
      Plan earlier,
      Selector layers,
      Set<Layer.Kind> kinds,
      String step,
      boolean onlyFree,
      boolean needsData) {
    List<Layer> all =
        Layer.of(model).stream().filter(layer -> kinds.contains(layer.kind())).toList();
    String kind = kinds.equals(LINEAR) ? "linear layer" : "linear layer or convolution";
    List<String> unmatched = layers.patternsWithoutMatch(all.stream().map(Layer::name).toList());
    if (!unmatched.isEmpty()) {
      throw new IllegalArgumentException(
          step
              + ": no "
              + kind
              + " matches "
              + String.join(", ", unmatched)
              + "; the model's: "
              + String.join(", ", all.stream().map(Layer::name).toList()));
    }
    InputScaling scaling = new InputScaling(model);
    List<Layer> chosen = all.stream().filter(layer -> layers.matches(layer.name())).toList();
    Map<String, List<Layer>> byInput = InputScaling.byInput(chosen);
    List<LayerPlan> plans = new ArrayList<>();
    for (Layer layer : chosen) {
      String value = layer.node().input(0);
      String reason = reasonToSkip(model, earlier, layer);
      String before = onlyFree ? scaling.layerBefore(value, byInput.get(value)) : null;
      if (reason.isEmpty() && onlyFree && before == null) {
        reason = "what comes before it cannot take the factors";
      }
      String encoding = layer.weight().encoding();
      long bytes = layer.weight().storedBytes();
      plans.add(
          new LayerPlan(
              layer.name(),
              Arrays.toString(layer.weight().shape()),
              encoding,
              encoding,
              bytes,
              bytes,
              reason,
              before == null || !reason.isEmpty() ? null : withLayer(before)));
    }
    if (plans.isEmpty()) {
      throw new IllegalArgumentException(step + ": the model has no " + kind + " to equalize");
    }
    return new Plan.StepPlan(step, plans, needsData);
  }

  /** What plans and reports say of a layer whose ranges meet another's. */
  static String withLayer(String before) {
    return "equalized with '" + before + "'";
  }

  private static String reasonToSkip(Model model, Plan earlier, Layer layer) {
    boolean stored =
        earlier.steps().stream()
            .flatMap(step -> step.layers().stream())
            .anyMatch(
                other ->
                    other.layer().equals(layer.name())
                        && !other.encodingAfter().equals(other.encodingBefore()));
    if (stored) {
      return "an earlier step stores it in another format; equalize before";
    }
    if (!(layer.weight() instanceof DenseWeight)) {
      return "already stored as " + layer.weight().encoding();
    }
    for (Node node : model.graph().nodes()) {
      if (!node.name().equals(layer.name()) && node.inputs().contains(layer.weightName())) {
        return "its weight is also used by '" + node.name() + "'";
      }
    }
    return "";
  }

  /**
   * Observers for the values that a plan's layers read.
   *
   * @param kinds makes them for a number of channels
   */
  static Map<String, List<Observer>> observers(
      Model model, Plan.StepPlan plan, IntFunction<List<Observer>> kinds) {
    Map<String, List<Observer>> observers = new LinkedHashMap<>();
    byInput(model, plan)
        .forEach(
            (value, readers) ->
                observers.put(
                    value, kinds.apply(Math.toIntExact(readers.get(0).weight().shape()[0]))));
    return observers;
  }

  /** The linear layers that a plan changes, by the value that they read. */
  static Map<String, List<Layer>> byInput(Model model, Plan.StepPlan plan) {
    return byInput(model, plan, LINEAR);
  }

  /** As above, of these kinds. */
  static Map<String, List<Layer>> byInput(Model model, Plan.StepPlan plan, Set<Layer.Kind> kinds) {
    return InputScaling.byInput(
        Layer.of(model).stream()
            .filter(layer -> kinds.contains(layer.kind()))
            .filter(layer -> plan.changed().contains(layer.name()))
            .toList());
  }
}
