package io.github.demitasse.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Immutable: nodes in execution order, connected by named values. The operator vocabulary is
 * ONNX's.
 *
 * <p>Weights and other constants are not in the graph but in the model: a value that no node
 * produces and that is not an input is one of {@link io.github.demitasse.Model#weights()}.
 *
 * @param name for messages
 * @param opsets the operator set version of each domain in use; "" is ONNX's
 * @param inputs what a caller gives, without weights
 * @param outputs what a caller gets
 * @param nodes in topological order
 * @param values what is known of intermediate values, by name
 */
public record Graph(
    String name,
    Map<String, Integer> opsets,
    List<ValueInfo> inputs,
    List<ValueInfo> outputs,
    List<Node> nodes,
    Map<String, ValueInfo> values) {

  public Graph {
    opsets = Map.copyOf(opsets);
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    nodes = List.copyOf(nodes);
    values = Map.copyOf(values);
  }

  /** The version of ONNX's operator set. */
  public int opset() {
    return opsets.getOrDefault(Domains.ONNX, 1);
  }

  /** The version of a node's operator set; 1 where the graph does not say. */
  public int opset(Node node) {
    return opsets.getOrDefault(node.domain(), 1);
  }

  public Graph withNodes(List<Node> newNodes) {
    return new Graph(name, opsets, inputs, outputs, newNodes, values);
  }

  /** Each value's producing node; inputs and weights have none. */
  public Map<String, Node> producers() {
    Map<String, Node> producers = new HashMap<>();
    for (Node node : nodes) {
      for (String output : node.outputs()) {
        if (!output.isEmpty()) {
          producers.put(output, node);
        }
      }
    }
    return producers;
  }

  /** The nodes that read each value, in execution order. */
  public Map<String, List<Node>> consumers() {
    Map<String, List<Node>> consumers = new LinkedHashMap<>();
    for (Node node : nodes) {
      for (String input : new HashSet<>(node.inputs())) {
        if (!input.isEmpty()) {
          List<Node> readers = consumers.get(input);
          if (readers == null) {
            readers = new ArrayList<>();
            consumers.put(input, readers);
          }
          readers.add(node);
        }
      }
    }
    return consumers;
  }

  /** Names of the graph's outputs. */
  public Set<String> outputNames() {
    Set<String> names = new HashSet<>();
    outputs.forEach(output -> names.add(output.name()));
    return names;
  }
}
