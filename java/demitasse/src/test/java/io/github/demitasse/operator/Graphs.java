package io.github.demitasse.operator;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Confined to one thread: small graphs written down for tests. */
public final class Graphs {
  private final int opset;
  private final List<ValueInfo> inputs = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private final List<ValueInfo> outputs = new ArrayList<>();
  private final Map<String, Weight> weights = new LinkedHashMap<>();

  private Graphs(int opset) {
    this.opset = opset;
  }

  public static Graphs opset(int opset) {
    return new Graphs(opset);
  }

  /** Dimensions: numbers as sizes, text as symbols, null as unknown. */
  public Graphs input(String name, DataType type, Object... dimensions) {
    inputs.add(new ValueInfo(name, type, shape(dimensions)));
    return this;
  }

  public Graphs weight(String name, Tensor tensor) {
    return weight(name, new DenseWeight(tensor));
  }

  public Graphs weight(String name, Weight weight) {
    weights.put(name, weight);
    return this;
  }

  public Graphs integers(String name, long... values) {
    return weight(name, Tensor.of(values, values.length));
  }

  public Graphs integer(String name, long value) {
    return weight(name, Tensor.scalar(value));
  }

  /**
   * A node named like its first output.
   *
   * @param outputs names separated by spaces; "-" for an absent one
   * @param inputs the same
   * @param attributes key, value, key, value ...
   */
  public Graphs node(String outputs, String operator, String inputs, Object... attributes) {
    Map<String, Attribute> map = new LinkedHashMap<>();
    for (int i = 0; i < attributes.length; i += 2) {
      map.put((String) attributes[i], attribute(attributes[i + 1]));
    }
    int colons = operator.indexOf("::");
    String domain = colons < 0 ? "" : operator.substring(0, colons);
    String name = colons < 0 ? operator : operator.substring(colons + 2);
    nodes.add(new Node(names(outputs).get(0), domain, name, names(inputs), names(outputs), map));
    return this;
  }

  /** Names separated by spaces. */
  public Graphs outputs(String names) {
    names(names).forEach(name -> outputs.add(new ValueInfo(name, null, null)));
    return this;
  }

  public Model model() {
    Graph graph =
        new Graph(
            "test",
            Map.of("", opset, "com.microsoft", 1, Domains.DEMITASSE, 1),
            inputs,
            outputs,
            nodes,
            Map.of());
    return new Model(graph, weights, Map.of());
  }

  GraphInference infer() {
    return GraphInference.of(model()).requireSupported();
  }

  /** The native call of the last node. */
  NativeCall lowered() {
    GraphInference inference = infer();
    Node last = nodes.get(nodes.size() - 1);
    return Operators.find(last.domain(), last.operator()).lower(inference.context(last));
  }

  /** The shape of a value as text. */
  String shapeOf(String value) {
    return infer().value(value).shape().toString();
  }

  public static Shape shape(Object... dimensions) {
    return new Shape(
        Arrays.stream(dimensions)
            .map(
                d ->
                    d == null
                        ? Dimension.unknown()
                        : d instanceof Number n
                            ? Dimension.of(n.longValue())
                            : Dimension.symbol((String) d))
            .toList());
  }

  private static List<String> names(String text) {
    return text.isEmpty()
        ? List.of()
        : Arrays.stream(text.split(" ")).map(name -> name.equals("-") ? "" : name).toList();
  }

  private static Attribute attribute(Object value) {
    if (value instanceof Integer number) {
      return Attribute.of(number.longValue());
    } else if (value instanceof Long number) {
      return Attribute.of(number);
    } else if (value instanceof Float number) {
      return Attribute.of(number);
    } else if (value instanceof String text) {
      return Attribute.of(text);
    } else if (value instanceof String[] texts) {
      return Attribute.ofStrings(List.of(texts));
    } else if (value instanceof Tensor tensor) {
      return Attribute.of(tensor);
    }
    return Attribute.ofIntegers(Arrays.stream((long[]) value).boxed().toList());
  }
}
