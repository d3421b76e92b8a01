package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Cosine;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.evaluate.SignalToNoise;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * Confined to one thread: how much a model's first output suffers when one layer alone is
 * compressed, for each layer and each of several ways. Layers that suffer most are the ones to
 * leave out of a recipe, or to give more bits.
 *
 * <p>The original's outputs on the samples are kept in memory during the analysis.
 */
public final class SensitivityAnalysis {
  private final Model model;
  private Selector layers = Selector.ALL;
  private Dataset data;
  private ToDoubleFunction<Model> metric;
  private ProgressListener progress = ProgressListener.NONE;

  /**
   * One way to compress a layer.
   *
   * @param name what results call it
   * @param step makes the step that does it to the chosen layers
   */
  public record Candidate(String name, Function<Selector, Step> step) {}

  /**
   * One layer compressed in one way, all others as they were.
   *
   * @param candidate the way's name
   * @param outputSignalToNoise of the model's first output over all samples, in decibels; null
   *     where nothing changed
   * @param cosineMean mean similarity of the first output's rows to the original's
   * @param cosineMin the lowest one
   * @param metric the caller's figure for the model; null without one
   * @param reason why the layer cannot be compressed in this way, and nothing was measured; "" if
   *     it can
   */
  public record Result(
      String layer,
      String shape,
      String candidate,
      long bytesBefore,
      long bytesAfter,
      Double outputSignalToNoise,
      Double cosineMean,
      Double cosineMin,
      Double metric,
      String reason) {}

  /**
   * What an analysis found.
   *
   * @param originalMetric the caller's figure for the model as it was; null without one
   * @param results by layer in execution order, and by candidate
   */
  public record Sensitivity(Double originalMetric, List<Result> results) {}

  private SensitivityAnalysis(Model model) {
    this.model = Rewrites.canonical(model, NodeEvaluator::evaluateIfKnown);
  }

  public static SensitivityAnalysis of(Model model) {
    return new SensitivityAnalysis(model);
  }

  /** Samples of what the model will be given; steps that need calibration get them, too. */
  public SensitivityAnalysis data(Dataset samples) {
    this.data = samples;
    return this;
  }

  /** Only these layers. */
  public SensitivityAnalysis in(Selector selector) {
    this.layers = selector;
    return this;
  }

  /** A figure to compute for every compressed model, such as accuracy on labelled data. */
  public SensitivityAnalysis metric(ToDoubleFunction<Model> figure) {
    this.metric = figure;
    return this;
  }

  public SensitivityAnalysis progress(ProgressListener listener) {
    this.progress = listener;
    return this;
  }

  /**
   * Compresses and measures each layer in each way.
   *
   * @throws IllegalArgumentException if there are no samples, or no layer is chosen
   */
  public Sensitivity run(List<Candidate> candidates) {
    List<Layer> chosen =
        Layer.of(model).stream().filter(layer -> layers.matches(layer.name())).toList();
    if (chosen.isEmpty()) {
      List<String> names = Layer.of(model).stream().map(Layer::name).toList();
      throw new IllegalArgumentException(
          names.isEmpty()
              ? "the model has no layers with weights"
              : "no layer is chosen by include "
                  + layers.include()
                  + ", exclude "
                  + layers.exclude()
                  + "; the model's layers: "
                  + String.join(", ", names));
    }
    List<Rows> expected = data == null ? List.of() : outputs(model);
    if (expected.isEmpty()) {
      throw new IllegalArgumentException("a sensitivity analysis needs samples");
    }
    Double original = metric == null ? null : metric.applyAsDouble(model);
    List<Result> results = new ArrayList<>();
    long total = (long) chosen.size() * candidates.size();
    for (Layer layer : chosen) {
      for (Candidate candidate : candidates) {
        results.add(measure(layer, candidate, expected));
        progress.progress("analyze", results.size(), total);
      }
    }
    return new Sensitivity(original, List.copyOf(results));
  }

  private Result measure(Layer layer, Candidate candidate, List<Rows> expected) {
    Recipe recipe = Recipe.of(candidate.step().apply(Selector.of(layer.name())));
    Plan.StepPlan plan;
    try {
      plan = recipe.plan(model).steps().get(0);
    } catch (IllegalArgumentException impossible) {
      return result(unchanged(layer, impossible.getMessage()), candidate);
    }
    LayerPlan change = plan.layers().get(0);
    if (change.skipped()) {
      return result(change, candidate);
    }
    Compressor compressor = Compressor.on(model);
    if (plan.needsCalibration()) {
      compressor.calibration(data);
    }
    Model compressed = compressor.apply(recipe).model();
    SignalToNoise ratio = new SignalToNoise();
    Cosine cosine = new Cosine();
    List<Rows> actual = outputs(compressed);
    for (int i = 0; i < expected.size(); i++) {
      Rows rows = expected.get(i);
      ratio.add(rows.values(), actual.get(i).values());
      cosine.add(rows.values(), actual.get(i).values(), rows.length());
    }
    Double figure = metric == null ? null : metric.applyAsDouble(compressed);
    return result(change, candidate, ratio.decibels(), cosine, figure, "");
  }

  private static LayerPlan unchanged(Layer layer, String reason) {
    String shape = Arrays.toString(layer.weight().shape());
    String encoding = layer.weight().encoding();
    long bytes = layer.weight().storedBytes();
    return new LayerPlan(layer.name(), shape, encoding, encoding, bytes, bytes, reason, null);
  }

  private static Result result(LayerPlan skipped, Candidate candidate) {
    return result(skipped, candidate, null, null, null, skipped.reason());
  }

  private static Result result(
      LayerPlan change,
      Candidate candidate,
      Double decibels,
      Cosine cosine,
      Double figure,
      String reason) {
    return new Result(
        change.layer(),
        change.shape(),
        candidate.name(),
        change.bytesBefore(),
        change.bytesAfter(),
        decibels,
        cosine == null ? null : cosine.mean(),
        cosine == null ? null : cosine.smallest(),
        figure,
        reason);
  }

  /** The model's first output for one sample: rows of {@code length} values. */
  private record Rows(float[] values, int length) {}

  private List<Rows> outputs(Model of) {
    String name = of.graph().outputs().get(0).name();
    List<Rows> all = new ArrayList<>();
    try (Session session = Session.open(of)) {
      for (Map<String, Tensor> inputs : data) {
        try (Tensor output = session.run(inputs, Set.of(name)).get(name)) {
          int length = output.rank() == 0 ? 1 : Math.toIntExact(output.dimension(-1));
          if (length > 0) {
            all.add(new Rows(output.toFloats(), length));
          }
        }
      }
    }
    return all;
  }
}
