package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Confined to one thread: the plain nodes and constants that fused nodes are replaced by. */
final class Expansion {
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Weight> constants = new HashMap<>();
  private final Set<String> values;
  private final Set<String> nodeNames;

  /**
   * @param values all value names of the model
   * @param nodeNames names of the nodes that stay
   */
  Expansion(Set<String> values, Set<String> nodeNames) {
    this.values = new HashSet<>(values);
    this.nodeNames = new HashSet<>(nodeNames);
  }

  List<Node> nodes() {
    return nodes;
  }

  Map<String, Weight> constants() {
    return constants;
  }

  void keep(Node node) {
    nodes.add(node);
  }

  /** The nodes that take the place of one fused node; their names start with its name. */
  final class Scope {
    private final Node fused;

    Scope(Node fused) {
      this.fused = fused;
    }

    /** Adds an ONNX node; the name of its result. */
    String node(String operator, Map<String, Attribute> attributes, String... inputs) {
      String result = fresh(values, fused.name() + "/" + operator + "_output");
      nodeTo(result, operator, attributes, inputs);
      return result;
    }

    String node(String operator, String... inputs) {
      return node(operator, Map.of(), inputs);
    }

    /** Adds an ONNX node that computes {@code result}. */
    void nodeTo(
        String result, String operator, Map<String, Attribute> attributes, String... inputs) {
      nodeTo(List.of(result), operator, attributes, inputs);
    }

    void nodeTo(
        List<String> results,
        String operator,
        Map<String, Attribute> attributes,
        String... inputs) {
      nodeTo(results, Domains.ONNX, operator, attributes, List.of(inputs));
    }

    void nodeTo(
        List<String> results,
        String domain,
        String operator,
        Map<String, Attribute> attributes,
        List<String> inputs) {
      String name = fresh(nodeNames, fused.name() + "/" + operator);
      nodes.add(new Node(name, domain, operator, inputs, results, attributes));
    }

    /** A name for a result that is yet to be computed. */
    String result(String role) {
      return fresh(values, fused.name() + "/" + role);
    }

    String scalar(float value) {
      return constant(Tensor.scalar(value));
    }

    String scalar(long value) {
      return constant(Tensor.scalar(value));
    }

    String integers(long... numbers) {
      return constant(Tensor.of(numbers, numbers.length));
    }

    String byteScalar(int value) {
      return constant(Tensor.ofBytes(DataType.UINT8, new byte[] {(byte) value}));
    }

    private String constant(Tensor tensor) {
      return constant("Constant", tensor);
    }

    String constant(String role, Tensor tensor) {
      String name = fresh(values, fused.name() + "/" + role);
      constants.put(name, new DenseWeight(tensor));
      return name;
    }
  }

  private static String fresh(Set<String> taken, String base) {
    String name = base;
    for (int i = 1; !taken.add(name); i++) {
      name = base + "_" + i;
    }
    return name;
  }
}
