package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
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
 * A model converted to half precision as a whole is computed in FLOAT32, which is faster here and
 * rounds less; its weights stay stored in half precision. Inputs and outputs keep their types.
 */
final class WidenHalfPrecision {
  private static final Set<String> TYPE_ATTRIBUTES = Set.of("to", "dtype", "output_dtype");

  /** Biases and the like: not worth storing in less. */
  private static final long SMALL = 1 << 12;

  private final Model model;
  private final Map<String, String> renamed = new HashMap<>();
  private final Set<String> values = new HashSet<>();
  private final List<Node> nodes = new ArrayList<>();

  private WidenHalfPrecision(Model model) {
    this.model = model;
    Graph graph = model.graph();
    values.addAll(model.weights().keySet());
    graph.inputs().forEach(input -> values.add(input.name()));
    graph.nodes().forEach(node -> values.addAll(node.outputs()));
  }

  /** The model itself when it has no weights in half precision, or has subgraphs. */
  static Model apply(Model model) {
    boolean half = model.weights().values().stream().anyMatch(weight -> isHalf(weight.type()));
    boolean nested =
        model.graph().nodes().stream()
            .flatMap(node -> node.attributes().values().stream())
            .anyMatch(Attribute.OfGraph.class::isInstance);
    return half && !nested ? new WidenHalfPrecision(model).run() : model;
  }

  private static boolean isHalf(DataType type) {
    return type == DataType.FLOAT16 || type == DataType.BFLOAT16;
  }

  private Model run() {
    Graph graph = model.graph();
    for (ValueInfo input : graph.inputs()) {
      if (isHalf(input.type())) {
        String widened = widened(input.name());
        nodes.add(cast(input.name(), widened, DataType.FLOAT32));
      }
    }
    for (ValueInfo output : graph.outputs()) {
      if (isHalf(output.type()) && !renamed.containsKey(output.name())) {
        widened(output.name());
      }
    }
    for (Node node : graph.nodes()) {
      nodes.add(widen(node));
    }
    for (ValueInfo output : graph.outputs()) {
      boolean computed = graph.inputs().stream().noneMatch(i -> i.name().equals(output.name()));
      if (isHalf(output.type()) && computed) {
        nodes.add(cast(renamed.get(output.name()), output.name(), output.type()));
      }
    }
    Map<String, Weight> weights = new LinkedHashMap<>();
    model.weights().forEach((name, weight) -> weights.put(name(name), widen(weight)));
    Map<String, ValueInfo> known = new HashMap<>(graph.values());
    known.values().removeIf(value -> isHalf(value.type()));
    return new Model(
        new Graph(graph.name(), graph.opsets(), graph.inputs(), graph.outputs(), nodes, known),
        weights,
        model.metadata());
  }

  private String widened(String name) {
    String base = name + "/float32";
    String fresh = base;
    for (int i = 1; !values.add(fresh); i++) {
      fresh = base + "_" + i;
    }
    renamed.put(name, fresh);
    return fresh;
  }

  private String name(String value) {
    return renamed.getOrDefault(value, value);
  }

  private Node cast(String from, String to, DataType type) {
    return new Node(
        to + "/Cast",
        Domains.ONNX,
        "Cast",
        List.of(from),
        List.of(to),
        Map.of("to", Attribute.of(type.onnxCode())));
  }

  private static Weight widen(Weight weight) {
    if (!isHalf(weight.type())) {
      return weight;
    }
    return weight.elements() <= SMALL
        ? new DenseWeight(Tensor.of(((DenseWeight) weight).tensor().toFloats(), weight.shape()))
        : new DenseWeight(((DenseWeight) weight).tensor(), DataType.FLOAT32);
  }

  private Node widen(Node node) {
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    node.attributes().forEach((key, value) -> attributes.put(key, widen(key, value)));
    return new Node(
        node.name(),
        node.domain(),
        node.operator(),
        node.inputs().stream().map(this::name).toList(),
        node.outputs().stream().map(this::name).toList(),
        attributes);
  }

  private static Attribute widen(String key, Attribute value) {
    if (value instanceof Attribute.OfTensor tensor && isHalf(tensor.value().type())) {
      return Attribute.of(Tensor.of(tensor.value().toFloats(), tensor.value().shape()));
    }
    boolean type =
        TYPE_ATTRIBUTES.contains(key)
            && value instanceof Attribute.OfInteger number
            && (number.value() == DataType.FLOAT16.onnxCode()
                || number.value() == DataType.BFLOAT16.onnxCode());
    return type ? Attribute.of(DataType.FLOAT32.onnxCode()) : value;
  }
}
