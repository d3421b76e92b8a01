package io.github.demitasse.format;

import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.TopologicalOrder;
import io.github.demitasse.graph.ValueInfo;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Thread-safe: what every reader demands of a graph before anyone else sees it. */
public final class GraphChecks {
  private GraphChecks() {}

  /**
   * The graph with its nodes in order of execution.
   *
   * @param weights names of the model's weights
   * @throws IllegalArgumentException naming what is defined twice, is missing, or depends on itself
   */
  public static Graph checked(Graph graph, Set<String> weights) {
    Set<String> given = new HashSet<>(weights);
    for (ValueInfo input : graph.inputs()) {
      if (!given.add(input.name())) {
        throw new IllegalArgumentException("input '" + input.name() + "' is defined twice");
      }
    }
    Set<String> nodeNames = new HashSet<>();
    for (Node node : graph.nodes()) {
      if (!nodeNames.add(node.name())) {
        throw new IllegalArgumentException("two nodes are named '" + node.name() + "'");
      }
    }
    List<Node> ordered = TopologicalOrder.of(graph.nodes(), given);
    for (Node node : ordered) {
      given.addAll(node.outputs());
    }
    Set<String> outputs = new HashSet<>();
    for (ValueInfo output : graph.outputs()) {
      if (output.name().isEmpty() || !given.contains(output.name())) {
        throw new IllegalArgumentException("output '" + output.name() + "' is not defined");
      }
      if (!outputs.add(output.name())) {
        throw new IllegalArgumentException("output '" + output.name() + "' is listed twice");
      }
    }
    return graph.withNodes(ordered);
  }
}
