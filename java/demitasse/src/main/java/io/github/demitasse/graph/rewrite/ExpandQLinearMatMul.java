package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * QLinearMatMul is DequantizeLinear of both operands, MatMul and QuantizeLinear; said that way, the
 * parts meet their like around them.
 */
final class ExpandQLinearMatMul implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("QLinearMatMul");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    for (int parameter : new int[] {1, 4, 6}) {
      if (graph.type(root.input(parameter)) != DataType.FLOAT32) {
        return false;
      }
    }
    if (Double.isNaN(Constants.scalar(graph.weight(root.input(1))))) {
      return false; // perhaps one scale per row of the first operand
    }
    String a = operand(root, 0, graph);
    String b = operand(root, 3, graph);
    String product = graph.freshValue(root.output(0) + "/product");
    graph.describe(product, DataType.FLOAT32, graph.shape(root.output(0)));
    Node quantize =
        Node.of(
            graph.freshNode(root.name() + "/QuantizeLinear"),
            "QuantizeLinear",
            List.of(product, root.input(6), root.input(7)),
            root.outputs());
    graph.replace(
        root,
        decode(root, 0, a, graph),
        decode(root, 3, b, graph),
        Node.of(graph.freshNode(root.name(), root), "MatMul", List.of(a, b), List.of(product)),
        quantize);
    return true;
  }

  private static String operand(Node root, int input, GraphEditor graph) {
    String decoded = graph.freshValue(root.input(input) + "/decoded");
    Shape shape = graph.shape(root.input(input));
    graph.describe(decoded, DataType.FLOAT32, shape);
    return decoded;
  }

  private static Node decode(Node root, int input, String output, GraphEditor graph) {
    int rank = graph.rank(root.input(input));
    return new Node(
        graph.freshNode(output),
        Domains.ONNX,
        "DequantizeLinear",
        List.of(root.input(input), root.input(input + 1), root.input(input + 2)),
        List.of(output),
        Map.of("axis", Attribute.of(Math.max(rank, 1) - 1)));
  }
}
