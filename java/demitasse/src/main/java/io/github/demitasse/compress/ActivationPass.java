package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Thread-safe: runs a model over a data set and hands out the values inside it, one sample at a
 * time.
 */
final class ActivationPass {
  private final Model model;
  private final Set<String> values;

  ActivationPass(Model model, Set<String> values) {
    this.model = exposing(model, values);
    this.values = Set.copyOf(values);
  }

  /** The model with inner values as additional outputs. */
  static Model exposing(Model model, Set<String> values) {
    Graph graph = model.graph();
    List<ValueInfo> outputs = new ArrayList<>(graph.outputs());
    Set<String> present = graph.outputNames();
    for (String value : values) {
      if (!present.contains(value)) {
        outputs.add(graph.values().getOrDefault(value, new ValueInfo(value, null, null)));
      }
    }
    return model.withGraph(
        new Graph(
            graph.name(), graph.opsets(), graph.inputs(), outputs, graph.nodes(), graph.values()));
  }

  /**
   * Runs every sample.
   *
   * @throws IllegalArgumentException if there are none, if one does not fit the model, or if a
   *     value is NaN or infinite, naming sample and value
   */
  void over(
      Dataset data, String task, ProgressListener progress, BiConsumer<String, float[]> consumer) {
    long sample = 0;
    try (Session session = Session.open(model)) {
      progress.progress(task, 0, data.size());
      for (Map<String, Tensor> inputs : data) {
        Map<String, Tensor> outputs = run(session, inputs, data.nameOf(sample));
        for (String value : values) {
          try (Tensor tensor = outputs.get(value)) {
            float[] elements = tensor.toFloats();
            requireFinite(data.nameOf(sample), value, elements);
            consumer.accept(value, elements);
          }
        }
        progress.progress(task, ++sample, data.size());
      }
    }
    if (sample == 0) {
      throw new IllegalArgumentException("the calibration data holds no sample");
    }
  }

  private Map<String, Tensor> run(Session session, Map<String, Tensor> inputs, String sample) {
    try {
      return session.run(inputs, values);
    } catch (IllegalArgumentException unfit) {
      throw new IllegalArgumentException(
          "calibration " + sample + ": " + unfit.getMessage(), unfit);
    }
  }

  private static void requireFinite(String sample, String value, float[] elements) {
    for (float element : elements) {
      if (!Float.isFinite(element)) {
        throw new IllegalArgumentException(
            "calibration " + sample + ": value '" + value + "' holds " + element);
      }
    }
  }
}
