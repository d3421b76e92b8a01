package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Observations;
import io.github.demitasse.compress.statistics.ChannelStatistics;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Thread-safe: signs in the place of activations (Rastegari et al. 2016, "XNOR-Net: ImageNet
 * Classification Using Binary Convolutional Neural Networks"): {@code x ~ mean|x| sign(x)}. The
 * mean is that of calibration data, one for a value, so that it becomes part of the scales of the
 * weights that meet it and layers of signs follow each other without floats between them.
 */
final class SignActivations {
  private SignActivations() {}

  /** True when a layer gets signs already. */
  static boolean has(Map<String, Node> producers, Layer layer) {
    Node producer = producers.get(layer.node().input(0));
    return producer != null && producer.is(Domains.DEMITASSE, FusedOperators.BINARIZE);
  }

  /** What the signs of the inputs of all users of a weight stand for; 1 for signs. */
  static float scale(Map<String, Node> producers, List<Layer> users, Observations observations) {
    double sum = 0;
    int count = 0;
    for (Layer user : users) {
      if (has(producers, user)) {
        sum++;
        count++;
        continue;
      }
      String value = user.node().input(0);
      for (float mean : observations.of(value, ChannelStatistics.class).meanMagnitudes()) {
        sum += mean;
        count++;
      }
    }
    return (float) (sum / count);
  }

  /** Puts a Binarize in front of the layers that have none, one for all that read a value. */
  static Model insert(Model model, List<Layer> layers) {
    Map<String, Node> producers = model.graph().producers();
    Set<String> chosen = new HashSet<>();
    for (Layer layer : layers) {
      if (layer.kind() == Layer.Kind.LINEAR && !has(producers, layer)) {
        chosen.add(layer.name());
      }
    }
    Set<String> made = new HashSet<>();
    List<Node> nodes = new ArrayList<>();
    for (Node node : model.graph().nodes()) {
      if (!chosen.contains(node.name())) {
        nodes.add(node);
        continue;
      }
      String value = node.input(0);
      String signs = value + "/signs";
      if (made.add(value)) {
        nodes.add(
            new Node(
                value + "/Binarize",
                Domains.DEMITASSE,
                FusedOperators.BINARIZE,
                List.of(value),
                List.of(signs),
                Map.of()));
      }
      List<String> inputs = new ArrayList<>(node.inputs());
      inputs.set(0, signs);
      nodes.add(node.withInputs(inputs));
    }
    return model.withGraph(model.graph().withNodes(nodes));
  }
}
