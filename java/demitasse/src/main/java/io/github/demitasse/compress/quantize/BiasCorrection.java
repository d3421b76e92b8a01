package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Observations;
import io.github.demitasse.compress.statistics.ChannelStatistics;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: takes the mean output error of quantized weights off the biases: {@code b += E[x] (W
 * - W')} (Nagel et al. 2019).
 */
final class BiasCorrection {
  private static final int BIAS = 2;

  private BiasCorrection() {}

  /**
   * @param observations {@link ChannelStatistics} of each layer's input
   */
  static Model apply(
      Model original, Model quantized, List<Layer> layers, Observations observations) {
    Map<String, Weight> weights = new LinkedHashMap<>(quantized.weights());
    Map<String, Node> changed = new HashMap<>();
    for (Layer layer : layers) {
      if (layer.kind() == Layer.Kind.LINEAR) {
        float[] means = observations.of(layer.node().input(0), ChannelStatistics.class).means();
        float[] bias = bias(layer.node(), weights, Math.toIntExact(layer.weight().shape()[1]));
        Weight after = quantized.weights().get(layer.weightName());
        correct(bias, means, floats(original.weights().get(layer.weightName())), floats(after));
        String name = layer.name() + "/corrected_bias";
        weights.put(name, new DenseWeight(Tensor.of(bias, bias.length)));
        changed.put(layer.name(), withBias(layer.node(), name));
      }
    }
    List<Node> nodes =
        quantized.graph().nodes().stream()
            .map(node -> changed.getOrDefault(node.name(), node))
            .toList();
    return quantized.withWeights(weights).withGraph(quantized.graph().withNodes(nodes));
  }

  /** Adds {@code means (before - after)} to the bias. */
  static void correct(float[] bias, float[] means, float[] before, float[] after) {
    int columns = bias.length;
    double[] shift = new double[columns];
    for (int i = 0; i < means.length; i++) {
      for (int c = 0; c < columns; c++) {
        shift[c] += (double) means[i] * (before[i * columns + c] - after[i * columns + c]);
      }
    }
    for (int c = 0; c < columns; c++) {
      bias[c] += (float) shift[c];
    }
  }

  private static float[] bias(Node node, Map<String, Weight> weights, int columns) {
    Weight bias = node.hasInput(BIAS) ? weights.get(node.input(BIAS)) : null;
    return bias == null ? new float[columns] : floats(bias);
  }

  private static float[] floats(Weight weight) {
    try (Tensor tensor = weight.dequantize()) {
      return tensor.toFloats();
    }
  }

  private static Node withBias(Node node, String name) {
    List<String> inputs = new ArrayList<>(node.inputs());
    while (inputs.size() <= BIAS) {
      inputs.add("");
    }
    inputs.set(BIAS, name);
    return node.withInputs(inputs);
  }
}
