package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Cosine;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.evaluate.SignalToNoise;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Thread-safe: runs the original and the compressed model side by side on the same samples. */
final class OutputComparison {
  /** Samples for per-layer figures: they settle within a tenth of a decibel long before. */
  private static final int LAYER_SAMPLES = 32;

  private OutputComparison() {}

  /** Signal-to-noise ratio of each layer's output, by layer name. */
  static Map<String, SignalToNoise> ofLayers(
      Model original,
      Model compressed,
      Collection<String> layers,
      Dataset data,
      ProgressListener progress) {
    Map<String, String> valueByLayer = new LinkedHashMap<>();
    for (Layer layer : Layer.of(original)) {
      if (layers.contains(layer.name())) {
        valueByLayer.put(layer.name(), layer.output());
      }
    }
    Set<String> values = new LinkedHashSet<>(valueByLayer.values());
    Map<String, SignalToNoise> ratios = new LinkedHashMap<>();
    valueByLayer.keySet().forEach(layer -> ratios.put(layer, new SignalToNoise()));
    long samples = data.size() < 0 ? LAYER_SAMPLES : Math.min(LAYER_SAMPLES, data.size());
    long sample = 0;
    try (Session exact = Session.open(ActivationPass.exposing(original, values));
        Session approximate = Session.open(ActivationPass.exposing(compressed, values))) {
      for (Map<String, Tensor> inputs : data) {
        if (sample == samples) {
          break;
        }
        Map<String, Tensor> expected = exact.run(inputs, values);
        Map<String, Tensor> actual = approximate.run(inputs, values);
        valueByLayer.forEach(
            (layer, value) ->
                ratios
                    .get(layer)
                    .add(expected.get(value).toFloats(), actual.get(value).toFloats()));
        expected.values().forEach(Tensor::close);
        actual.values().forEach(Tensor::close);
        progress.progress("compare layers", ++sample, samples);
      }
    }
    return ratios;
  }

  /** Cosine similarity of the first output's rows over the whole data set. */
  static Report.Fidelity ofModels(
      Model original, Model compressed, Dataset data, ProgressListener progress) {
    String output = original.graph().outputs().get(0).name();
    Cosine cosine = new Cosine();
    long sample = 0;
    try (Session exact = Session.open(original);
        Session approximate = Session.open(compressed)) {
      for (Map<String, Tensor> inputs : data) {
        try (Tensor expected = exact.run(inputs, Set.of(output)).get(output);
            Tensor actual = approximate.run(inputs, Set.of(output)).get(output)) {
          int length = expected.rank() == 0 ? 1 : Math.toIntExact(expected.dimension(-1));
          if (length > 0) {
            cosine.add(expected.toFloats(), actual.toFloats(), length);
          }
        }
        progress.progress("compare outputs", ++sample, data.size());
      }
    }
    return new Report.Fidelity(output, cosine.rows(), cosine.mean(), cosine.smallest());
  }
}
