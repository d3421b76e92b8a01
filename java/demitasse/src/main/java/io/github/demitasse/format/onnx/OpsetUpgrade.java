package io.github.demitasse.format.onnx;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Not thread-safe: rewrites a model from operator set 11 or 12 to 13, which {@code
 * DequantizeLinear} per channel needs. Between these versions attributes became inputs (Squeeze,
 * Unsqueeze, ReduceSum, Split, Dropout) and Softmax and its relatives changed their meaning; every
 * other operator only learned more types or options.
 */
final class OpsetUpgrade {
  private static final int OLDEST = 11;
  private static final int TARGET = 13;

  private final Map<String, Weight> weights;
  private final Set<String> names = new HashSet<>();
  private final List<Node> nodes = new ArrayList<>();

  private OpsetUpgrade(Model model) {
    this.weights = new LinkedHashMap<>(model.weights());
    names.addAll(weights.keySet());
    model.graph().inputs().forEach(input -> names.add(input.name()));
    for (Node node : model.graph().nodes()) {
      names.add(node.name());
      names.addAll(node.outputs());
    }
  }

  /** The model in operator set 13 if it is in 11 or 12 and has no subgraphs; else as it is. */
  static Model upgraded(Model model) {
    Graph graph = model.graph();
    if (graph.opset() < OLDEST || graph.opset() >= TARGET || hasSubgraphs(graph)) {
      return model;
    }
    OpsetUpgrade upgrade = new OpsetUpgrade(model);
    graph.nodes().forEach(upgrade::add);
    Map<String, Integer> opsets = new HashMap<>(graph.opsets());
    opsets.put(Domains.ONNX, TARGET);
    Graph changed =
        new Graph(
            graph.name(), opsets, graph.inputs(), graph.outputs(), upgrade.nodes, graph.values());
    return new Model(changed, upgrade.weights, model.metadata());
  }

  private static boolean hasSubgraphs(Graph graph) {
    return graph.nodes().stream()
        .flatMap(node -> node.attributes().values().stream())
        .anyMatch(attribute -> attribute instanceof Attribute.OfGraph);
  }

  private void add(Node node) {
    if (!node.domain().isEmpty()) {
      nodes.add(node);
      return;
    }
    switch (node.operator()) {
      case "Squeeze", "Unsqueeze", "ReduceSum" -> nodes.add(withInput(node, "axes"));
      case "Split" -> nodes.add(withInput(node, "split"));
      case "Dropout" -> nodes.add(without(node, "ratio"));
      case "Softmax", "LogSoftmax", "Hardmax" -> addSoftmax(node);
      default -> nodes.add(node);
    }
  }

  /** Moves an attribute of integers to the second input. */
  private Node withInput(Node node, String attribute) {
    long[] values = node.integers(attribute);
    if (values == null) {
      return node;
    }
    String name = unique(node.name() + "_" + attribute);
    weights.put(name, new DenseWeight(Tensor.of(values, values.length)));
    return without(node, attribute).withInputs(List.of(node.input(0), name));
  }

  private static Node without(Node node, String attribute) {
    Map<String, Attribute> attributes = new HashMap<>(node.attributes());
    attributes.remove(attribute);
    return new Node(node.name(), "", node.operator(), node.inputs(), node.outputs(), attributes);
  }

  /**
   * Before 13 the input was seen as a matrix, all axes from {@code axis} (1 if not given) on being
   * its columns.
   */
  private void addSoftmax(Node node) {
    long axis = node.integer("axis", 1);
    if (axis == -1) {
      nodes.add(node);
      return;
    }
    String matrix = unique(node.output(0) + "_matrix");
    String result = unique(node.output(0) + "_result");
    String shape = unique(node.output(0) + "_shape");
    nodes.add(Node.of(unique(node.name() + "_shape"), "Shape", node.inputs(), List.of(shape)));
    nodes.add(
        Node.of(unique(node.name() + "_flatten"), "Flatten", node.inputs(), List.of(matrix))
            .withAttribute("axis", Attribute.of(axis)));
    nodes.add(
        node.withInputs(List.of(matrix))
            .withOutputs(List.of(result))
            .withAttribute("axis", Attribute.of(1L)));
    nodes.add(
        Node.of(
            unique(node.name() + "_reshape"), "Reshape", List.of(result, shape), node.outputs()));
  }

  private String unique(String wanted) {
    String name = wanted;
    for (int i = 2; !names.add(name); i++) {
      name = wanted + "_" + i;
    }
    return name;
  }
}
