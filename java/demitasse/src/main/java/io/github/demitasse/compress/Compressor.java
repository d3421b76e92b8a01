package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.evaluate.SignalToNoise;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Confined to one thread: applies a recipe to a model. */
public final class Compressor {
  private final Model model;
  private Dataset calibration;
  private ProgressListener progress = ProgressListener.NONE;

  private Compressor(Model model) {
    this.model = model;
  }

  public static Compressor on(Model model) {
    return new Compressor(model);
  }

  /**
   * Samples of what the model will be given; needed by some steps, and by the report's output
   * figures.
   */
  public Compressor calibration(Dataset data) {
    this.calibration = data;
    return this;
  }

  public Compressor progress(ProgressListener listener) {
    this.progress = listener;
    return this;
  }

  /**
   * The compressed model with a report.
   *
   * @throws IllegalArgumentException for what the recipe's plan finds wrong, for missing or
   *     unusable calibration data, and for weights that cannot be represented, naming the layer
   */
  public CompressionResult apply(Recipe recipe) {
    Model canonical = Rewrites.canonical(model, NodeEvaluator::evaluateIfKnown);
    Plan plan = recipe.plan(canonical);
    if (plan.needsCalibration() && calibration == null) {
      throw new IllegalArgumentException(
          "calibration data is needed by: "
              + String.join(
                  "; ",
                  plan.steps().stream()
                      .filter(Plan.StepPlan::needsCalibration)
                      .map(Plan.StepPlan::step)
                      .toList()));
    }
    Map<String, String> notes = new LinkedHashMap<>();
    Model changed = canonical;
    Model reference = canonical;
    List<Observations> observations = List.of();
    int observedUntil = 0;
    for (int i = 0; i < recipe.steps().size(); i++) {
      if (i == observedUntil) {
        observedUntil = endOfPass(recipe, i);
        observations = observe(changed, recipe, plan, i, observedUntil);
      }
      Step step = recipe.steps().get(i);
      int first = observedUntil - observations.size();
      changed =
          step.apply(
              changed,
              new StepContext(
                  plan.steps().get(i),
                  observations.get(i - first),
                  calibration,
                  progress,
                  (layer, note) -> notes.merge(layer, note, (a, b) -> a + "; " + b)));
      if (step.changesActivations()) {
        reference = changed;
      }
    }
    Report report = report(plan, canonical, reference, changed, notes);
    Model merged = Rewrites.apply(changed, NodeEvaluator::evaluateIfKnown);
    return new CompressionResult(merged, report);
  }

  /** The end of the steps from {@code first} on that can share one pass over the data. */
  private static int endOfPass(Recipe recipe, int first) {
    int end = first;
    while (end < recipe.steps().size() && !recipe.steps().get(end).changesActivations()) {
      end++;
    }
    return Math.min(end + 1, recipe.steps().size());
  }

  private List<Observations> observe(Model model, Recipe recipe, Plan plan, int first, int end) {
    List<Observations> all = new ArrayList<>();
    Map<String, List<Observer>> byValue = new LinkedHashMap<>();
    for (int i = first; i < end; i++) {
      Map<String, List<Observer>> observers =
          recipe.steps().get(i).observers(model, plan.steps().get(i));
      observers.forEach(
          (value, list) -> byValue.computeIfAbsent(value, key -> new ArrayList<>()).addAll(list));
      all.add(new Observations(observers));
    }
    if (!byValue.isEmpty()) {
      new ActivationPass(model, byValue.keySet())
          .over(
              calibration,
              "calibrate",
              progress,
              (value, elements) -> byValue.get(value).forEach(o -> o.observe(elements)));
    }
    return all;
  }

  /**
   * @param reference the model that was last equal to the original but for rounding
   */
  private Report report(
      Plan plan, Model original, Model reference, Model changed, Map<String, String> notes) {
    Map<String, LayerPlan> plans = new LinkedHashMap<>();
    for (Plan.StepPlan step : plan.steps()) {
      for (LayerPlan layer : step.layers()) {
        if (!layer.skipped() || !plans.containsKey(layer.layer())) {
          plans.put(layer.layer(), layer);
        }
      }
    }
    Map<String, Layer> before = byName(original);
    Map<String, Layer> unrounded = byName(reference);
    Map<String, Layer> after = byName(changed);
    Map<String, SignalToNoise> outputs =
        calibration == null
            ? Map.of()
            : OutputComparison.ofLayers(original, changed, plans.keySet(), calibration, progress);
    List<Report.LayerReport> layers = new ArrayList<>();
    plans.forEach(
        (name, layerPlan) -> {
          Layer was = before.get(name);
          Layer is = after.get(name);
          SignalToNoise output = outputs.get(name);
          layers.add(
              new Report.LayerReport(
                  name,
                  layerPlan.shape(),
                  was.weight().encoding(),
                  is.weight().encoding(),
                  was.weight().storedBytes(),
                  is.weight().storedBytes(),
                  layerPlan.skipped() ? null : weightSignalToNoise(unrounded.get(name), is),
                  output == null ? null : output.decibels(),
                  layerPlan.reason(),
                  notes.get(name)));
        });
    List<String> steps = plan.steps().stream().map(Plan.StepPlan::step).toList();
    Report.Fidelity fidelity =
        calibration == null
            ? null
            : OutputComparison.ofModels(original, changed, calibration, progress);
    return new Report(steps, layers, null, null, fidelity, null, null);
  }

  private static Map<String, Layer> byName(Model model) {
    Map<String, Layer> layers = new LinkedHashMap<>();
    Layer.of(model).forEach(layer -> layers.put(layer.name(), layer));
    return layers;
  }

  private static Double weightSignalToNoise(Layer before, Layer after) {
    SignalToNoise ratio = new SignalToNoise();
    try (Tensor exact = before.weight().dequantize();
        Tensor approximate = after.weight().dequantize()) {
      ratio.add(exact.toFloats(), approximate.toFloats());
    }
    return ratio.decibels();
  }
}
