package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Observer;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.StepContext;
import io.github.demitasse.compress.statistics.ChannelStatistics;
import io.github.demitasse.compress.statistics.GramMatrix;
import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Confined to one thread: carries out a quantization. */
final class QuantizationRun {
  private final Quantize settings;
  private final Model original;
  private final Map<String, Node> producers;

  QuantizationRun(Quantize settings, Model original) {
    this.settings = settings;
    this.original = original;
    this.producers = original.graph().producers();
  }

  /** What the shared pass over the data must show. */
  Map<String, List<Observer>> observers(Plan.StepPlan plan) {
    Set<String> planned = plan.changed();
    Map<String, List<Observer>> byValue = new LinkedHashMap<>();
    for (Layer layer : Layer.of(original)) {
      String value = layer.node().input(0);
      boolean needed = layer.takesCodes() && planned.contains(layer.name());
      if (needed && !byValue.containsKey(value)) {
        List<Observer> observers = observers(layer);
        if (!observers.isEmpty()) {
          byValue.put(value, observers);
        }
      }
    }
    return byValue;
  }

  private List<Observer> observers(Layer layer) {
    List<Observer> observers = new ArrayList<>();
    if (settings.calibration() != null) {
      observers.add(settings.calibration().calibrator());
    }
    if (layer.kind() != Layer.Kind.LINEAR) {
      return observers;
    }
    if (settings.method().needsInputs() && !settings.method().isSequential()) {
      observers.add(new GramMatrix(inputs(layer)));
    }
    if (settings.needsSigns(layer, producers)) {
      observers.add(new ChannelStatistics(inputs(layer)));
    }
    return observers;
  }

  private static int inputs(Layer linear) {
    return Math.toIntExact(linear.weight().shape()[0]);
  }

  Model apply(StepContext context) {
    Set<String> planned = context.plan().changed();
    List<Layer> chosen =
        Layer.of(original).stream().filter(layer -> planned.contains(layer.name())).toList();
    Map<String, List<Layer>> usersByWeight = new LinkedHashMap<>();
    for (Layer layer : chosen) {
      usersByWeight.computeIfAbsent(layer.weightName(), name -> new ArrayList<>()).add(layer);
    }
    Map<String, Weight> changed = new LinkedHashMap<>(original.weights());
    Map<String, Weight> simulated = new LinkedHashMap<>(original.weights());
    long done = 0;
    context.progress().progress(settings.name(), done, usersByWeight.size());
    for (List<List<Layer>> stage : stages(usersByWeight.values())) {
      GramMatrix inputs = gramMatrix(stage.get(0), simulated, context);
      for (List<Layer> users : stage) {
        Layer layer = users.get(0);
        String notAsAsked = settings.note(layer);
        if (notAsAsked != null) {
          noteForAll(users, notAsAsked, context);
        }
        Weight quantized =
            WeightQuantizer.quantize(
                layer, settings, inputs, note -> noteForAll(users, note, context));
        if (quantized instanceof BinaryWeight signs
            && settings.activations() == NumberFormat.BINARY) {
          float scale = SignActivations.scale(producers, users, context.observations());
          quantized = XnorScaling.scaled(signs, scale);
        }
        changed.put(layer.weightName(), quantized);
        if (settings.method().isSequential()) {
          simulated.put(layer.weightName(), new DenseWeight(quantized.dequantize()));
        }
        context.progress().progress(settings.name(), ++done, usersByWeight.size());
      }
    }
    Model quantized = original.withWeights(changed);
    if (settings.activations() == NumberFormat.BINARY) {
      quantized = SignActivations.insert(quantized, chosen);
    } else if (settings.activations() != null) {
      quantized =
          ActivationQuantization.insert(
              quantized, chosen, settings.calibration() != null, context.observations());
    }
    return settings.correctsBias()
        ? BiasCorrection.apply(original, quantized, chosen, context)
        : quantized;
  }

  private static void noteForAll(List<Layer> users, String note, StepContext context) {
    users.forEach(user -> context.notes().accept(user.name(), note));
  }

  /** Weights in order of execution, those that meet the same inputs together. */
  private static List<List<List<Layer>>> stages(Iterable<List<Layer>> weights) {
    Map<String, List<List<Layer>>> stages = new LinkedHashMap<>();
    for (List<Layer> users : weights) {
      String key =
          users.get(0).kind() == Layer.Kind.LINEAR
              ? String.join("\n", users.stream().map(user -> user.node().input(0)).toList())
              : "tables";
      stages.computeIfAbsent(key, name -> new ArrayList<>()).add(users);
    }
    return List.copyOf(stages.values());
  }

  /**
   * The inputs of all users of a weight; null when nobody asks for them.
   *
   * @param soFar the weights with what earlier stages made of them, in floats
   */
  private GramMatrix gramMatrix(List<Layer> users, Map<String, Weight> soFar, StepContext context) {
    WeightMethod method = settings.method();
    boolean needed =
        method.needsInputs()
            && users.get(0).kind() == Layer.Kind.LINEAR
            && settings.weights().format().hasCodes();
    if (!needed) {
      return null;
    }
    Map<String, GramMatrix> byValue = new LinkedHashMap<>();
    for (Layer user : users) {
      String value = user.node().input(0);
      byValue.put(
          value,
          method.isSequential()
              ? new GramMatrix(inputs(user))
              : context.observations().of(value, GramMatrix.class));
    }
    if (method.isSequential()) {
      context.observe(original.withWeights(soFar), byValue);
    }
    return byValue.values().stream().reduce(GramMatrix::plus).orElseThrow();
  }
}
