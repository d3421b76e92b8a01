package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Observations;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Thread-safe: puts a FakeQuantize in front of linear layers and convolutions, one for all layers
 * that read the same value. Recurrent nodes quantize their state as well, and so do it themselves:
 * an attribute says so.
 */
final class ActivationQuantization {
  /** Of a recurrent node: integers meet the state only where they meet the input, too. */
  private static final int MATRICES = 2;

  private ActivationQuantization() {}

  static Model insert(Model model, List<Layer> layers, boolean fixed, Observations observations) {
    Set<String> quantizedNodes = new HashSet<>();
    Map<String, Integer> chosenMatrices = new HashMap<>(); // of recurrent nodes
    for (Layer layer : layers) {
      if (layer.kind().isRecurrent()) {
        chosenMatrices.merge(layer.node().name(), 1, Integer::sum);
      }
      // Rows of their own are of matrices, not of images.
      if (layer.takesCodes() && (fixed || layer.kind() == Layer.Kind.LINEAR)) {
        quantizedNodes.add(layer.name());
      }
    }
    Map<String, Node> producers = model.graph().producers();
    Map<String, String> quantizedNames = new HashMap<>();
    List<Node> nodes = new ArrayList<>();
    for (Node node : model.graph().nodes()) {
      if (chosenMatrices.getOrDefault(node.name(), 0) == MATRICES) {
        nodes.add(
            node.withAttribute(FusedOperators.RECURRENT_QUANTIZATION, Attribute.of("dynamic_row")));
        continue;
      }
      if (!quantizedNodes.contains(node.name()) || isFakeQuantize(producers.get(node.input(0)))) {
        nodes.add(node);
        continue;
      }
      String value = node.input(0);
      if (!quantizedNames.containsKey(value)) {
        String quantized = value + "/quantized";
        quantizedNames.put(value, quantized);
        nodes.add(
            new Node(
                value + "/FakeQuantize",
                Domains.DEMITASSE,
                FusedOperators.FAKE_QUANTIZE,
                List.of(value),
                List.of(quantized),
                attributes(value, fixed, observations)));
      }
      List<String> inputs = new ArrayList<>(node.inputs());
      inputs.set(0, quantizedNames.get(value));
      nodes.add(node.withInputs(inputs));
    }
    return model.withGraph(model.graph().withNodes(nodes));
  }

  private static boolean isFakeQuantize(Node node) {
    return node != null && node.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE);
  }

  private static Map<String, Attribute> attributes(
      String value, boolean fixed, Observations observations) {
    if (!fixed) {
      return Map.of("mode", Attribute.of("dynamic_row"));
    }
    Range range = observations.of(value, Calibrator.class).range();
    return Map.of(
        "mode", Attribute.of("static"),
        "scale", Attribute.of(range.scale()),
        "zero_point", Attribute.of((long) range.zeroPoint()));
  }
}
