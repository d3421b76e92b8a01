package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Thread-safe: says a model of an older ONNX operator set (7 and up) in the words of a newer one,
 * so that everything behind it sees one form of each operator. Most operators only gained types
 * between versions; the others are listed here.
 */
public final class OpsetUpgrade {
  /** The operator set rewriting works with: LayerNormalization is of 17, Gelu of 20. */
  public static final int TARGET = 21;

  private static final Set<String> REDUCTIONS_OF_18 =
      Set.of(
          "ReduceMean",
          "ReduceMax",
          "ReduceMin",
          "ReduceProd",
          "ReduceL1",
          "ReduceL2",
          "ReduceLogSum",
          "ReduceLogSumExp",
          "ReduceSumSquare");

  private final Graph graph;
  private final int from;
  private final Map<String, Weight> weights;
  private final Set<String> names = new HashSet<>();
  private final List<Node> nodes = new ArrayList<>();
  private final Model model;
  private GraphInference inference;

  private OpsetUpgrade(Model model) {
    this.model = model;
    this.graph = model.graph();
    this.from = graph.opset();
    this.weights = new LinkedHashMap<>(model.weights());
    names.addAll(weights.keySet());
    graph.inputs().forEach(input -> names.add(input.name()));
    graph.nodes().forEach(node -> names.addAll(node.outputs()));
  }

  /**
   * The model in operator set {@link #TARGET}; the model itself when it is newer already or uses an
   * operator whose meaning changed in a way not handled here.
   */
  public static Model apply(Model model) {
    int from = model.graph().opset();
    if (from >= TARGET || from < 7) {
      return model;
    }
    return new OpsetUpgrade(model).run();
  }

  private Model run() {
    for (Node node : graph.nodes()) {
      if (isObstacle(node)) {
        return model;
      }
      // Without input or output a node of these operators is an error, which inference names.
      if (node.domain().isEmpty() && node.hasInput(0) && node.hasOutput(0)) {
        upgrade(node);
      } else {
        nodes.add(node);
      }
    }
    Map<String, Integer> opsets = new LinkedHashMap<>(graph.opsets());
    opsets.put(Domains.ONNX, TARGET);
    Graph upgraded =
        new Graph(graph.name(), opsets, graph.inputs(), graph.outputs(), nodes, graph.values());
    return new Model(upgraded, weights, model.metadata());
  }

  private boolean isObstacle(Node node) {
    if (node.attributes().values().stream().anyMatch(Attribute.OfGraph.class::isInstance)) {
      return true; // a subgraph is in the same operator set
    }
    return switch (node.domain() + ":" + node.operator()) {
      case ":Upsample" -> true;
      case ":Resize", ":Scan" -> from < 11;
      case ":GroupNormalization" -> true; // scale per group became scale per channel
      case ":DFT" -> from < 20;
      case ":Clip", ":Pad" ->
          from < 11 && node.hasInput(0) && !isFloat(node.input(0)); // their bounds were floats
      case ":BatchNormalization" ->
          node.integer("spatial", 1) == 0 || from < 14 && node.outputs().size() > 1;
      default -> false;
    };
  }

  private void upgrade(Node node) {
    switch (node.operator()) {
      case "Squeeze", "Unsqueeze", "ReduceSum" ->
          nodes.add(from < 13 ? withInput(node, 1, "axes") : node);
      case "Split" -> nodes.add(split(node));
      case "Softmax", "LogSoftmax", "Hardmax" -> upgradeSoftmax(node);
      case "Dropout" -> nodes.add(without(node, "ratio", "is_test"));
      case "Clip" -> nodes.add(from < 11 ? clip(node) : node);
      case "Slice" -> nodes.add(from < 10 ? slice(node) : node);
      case "Pad" -> nodes.add(from < 11 ? pad(node) : node);
      case "TopK" -> nodes.add(from < 10 ? topK(node) : node);
      case "Scatter" -> nodes.add(renamed(node, "ScatterElements"));
      case "BatchNormalization" -> nodes.add(without(node, "spatial"));
      case "GridSample" -> nodes.add(gridSample(node));
      case "RoiAlign" ->
          nodes.add(
              from < 16
                  ? node.withAttribute(
                      "coordinate_transformation_mode", Attribute.of("output_half_pixel"))
                  : node);
      default ->
          nodes.add(
              from < 18 && REDUCTIONS_OF_18.contains(node.operator())
                  ? withInput(node, 1, "axes")
                  : node);
    }
  }

  /** An attribute of integers becomes an input. */
  private Node withInput(Node node, int index, String attribute) {
    long[] numbers = node.integers(attribute);
    if (numbers == null) {
      return node;
    }
    return withInput(without(node, attribute), index, attribute, Constants.of(numbers));
  }

  private Node withInput(Node node, int index, String role, DenseWeight value) {
    List<String> inputs = new ArrayList<>(node.inputs());
    while (inputs.size() <= index) {
      inputs.add("");
    }
    inputs.set(index, constant(node, role, value));
    return node.withInputs(inputs);
  }

  private String constant(Node node, String role, DenseWeight value) {
    String base = node.output(0) + "/" + role;
    String name = base;
    for (int i = 1; !names.add(name); i++) {
      name = base + "_" + i;
    }
    weights.put(name, value);
    return name;
  }

  private static Node without(Node node, String... attributes) {
    Map<String, Attribute> rest = new LinkedHashMap<>(node.attributes());
    for (String attribute : attributes) {
      rest.remove(attribute);
    }
    return new Node(
        node.name(), node.domain(), node.operator(), node.inputs(), node.outputs(), rest);
  }

  private static Node renamed(Node node, String operator) {
    return new Node(
        node.name(), node.domain(), operator, node.inputs(), node.outputs(), node.attributes());
  }

  private Node split(Node node) {
    Node changed = from < 13 ? withInput(node, 1, "split") : node;
    return from < 18 && !changed.hasInput(1)
        ? changed.withAttribute("num_outputs", Attribute.of(node.outputs().size()))
        : changed;
  }

  /** Before version 13 the input is taken as a matrix with its columns starting at the axis. */
  private void upgradeSoftmax(Node node) {
    if (from >= 13) {
      nodes.add(node);
      return;
    }
    long axis = node.integer("axis", 1);
    Shape shape = axis == -1 ? null : shape(node.input(0));
    Node last = node.withAttribute("axis", Attribute.of(-1));
    if (axis == -1 || shape != null && (axis == shape.rank() - 1)) {
      nodes.add(last);
      return;
    }
    String output = node.output(0);
    String matrix = fresh(output + "/matrix");
    String result = fresh(output + "/normalized");
    String size = fresh(output + "/shape");
    nodes.add(
        new Node(
            node.name() + "/Flatten",
            Domains.ONNX,
            "Flatten",
            List.of(node.input(0)),
            List.of(matrix),
            Map.of("axis", Attribute.of(axis))));
    nodes.add(last.withInputs(List.of(matrix)).withOutputs(List.of(result)));
    nodes.add(Node.of(node.name() + "/Shape", "Shape", List.of(node.input(0)), List.of(size)));
    nodes.add(Node.of(node.name() + "/Reshape", "Reshape", List.of(result, size), List.of(output)));
  }

  private String fresh(String base) {
    String name = base;
    for (int i = 1; !names.add(name); i++) {
      name = base + "_" + i;
    }
    return name;
  }

  private Shape shape(String value) {
    ValueInfo info = info(value);
    return info == null ? null : info.shape();
  }

  private boolean isFloat(String value) {
    ValueInfo info = info(value);
    return info != null && info.type() == DataType.FLOAT32;
  }

  private ValueInfo info(String value) {
    if (inference == null) {
      inference = GraphInference.of(model);
    }
    return inference.values().get(value);
  }

  private Node clip(Node node) {
    Node changed = without(node, "min", "max");
    if (node.attributes().containsKey("min")) {
      changed = withInput(changed, 1, "min", scalar(node.number("min", 0)));
    }
    if (node.attributes().containsKey("max")) {
      changed = withInput(changed, 2, "max", scalar(node.number("max", 0)));
    }
    return changed;
  }

  private static DenseWeight scalar(float value) {
    return new DenseWeight(Tensor.scalar(value));
  }

  private Node slice(Node node) {
    Node changed = withInput(node, 1, "starts");
    changed = withInput(changed, 2, "ends");
    return withInput(changed, 3, "axes");
  }

  private Node pad(Node node) {
    Node changed = withInput(node, 1, "pads");
    float value = node.number("value", 0);
    changed = without(changed, "value");
    return value == 0 ? changed : withInput(changed, 2, "value", scalar(value));
  }

  private Node topK(Node node) {
    return withInput(without(node, "k"), 1, "k", Constants.of(node.integer("k", 1)));
  }

  private static Node gridSample(Node node) {
    return switch (node.text("mode", "")) {
      case "bilinear" -> node.withAttribute("mode", Attribute.of("linear"));
      case "bicubic" -> node.withAttribute("mode", Attribute.of("cubic"));
      default -> node;
    };
  }
}
