package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * ONNX Runtime's MatMulNBits with constant weights is a product with a quantized weight. Where the
 * operator may compute in integers (accuracy level 4), activations are quantized row by row.
 */
final class TranslateMatMulNBits {
  private static final int CODES = 1;
  private static final int SCALES = 2;
  private static final int ZERO_POINTS = 3;
  private static final int GROUP_INDICES = 4;
  private static final int BIAS = 5;
  private static final long INTEGER_ACCURACY = 4;

  private TranslateMatMulNBits() {}

  static boolean apply(Node root, GraphEditor graph) {
    Tensor codes = constant(root, CODES, graph);
    Tensor scales = constant(root, SCALES, graph);
    Tensor zeroPoints = constant(root, ZERO_POINTS, graph);
    if (codes == null
        || scales == null
        || root.hasInput(ZERO_POINTS) && zeroPoints == null
        || root.hasInput(GROUP_INDICES)
        || scales.type() != DataType.FLOAT32 && scales.type() != DataType.FLOAT16) {
      return false;
    }
    Weight weight =
        BlockedWeight.decode(
            new BlockedWeight(
                codes,
                scales,
                zeroPoints,
                (int) root.integer("bits", 4),
                (int) root.integer("block_size", 0)),
            root.integer("K", 0),
            root.integer("N", 0));
    if (weight == null) {
      return false;
    }
    List<Node> nodes = new ArrayList<>();
    boolean half = scales.type() == DataType.FLOAT16;
    String x = half ? cast(root, root.input(0), DataType.FLOAT32, nodes, graph) : root.input(0);
    if (root.integer("accuracy_level", 0) == INTEGER_ACCURACY) {
      String rows = graph.freshValue(root.output(0) + "/quantized_rows");
      nodes.add(FakeQuantizes.create(x, Map.of("mode", Attribute.of("dynamic_row")), rows, graph));
      x = rows;
    }
    String name = graph.addWeight(LayerNames.stored(root.input(CODES)), weight);
    boolean biased = root.hasInput(BIAS);
    String product =
        biased || half ? graph.freshValue(root.output(0) + "/product") : root.output(0);
    nodes.add(
        Node.of(graph.freshNode(root.name(), root), "MatMul", List.of(x, name), List.of(product)));
    if (half) {
      String narrow = biased ? graph.freshValue(root.output(0) + "/narrow") : root.output(0);
      nodes.add(castNode(root, product, DataType.FLOAT16, narrow, graph));
      product = narrow;
    }
    if (biased) {
      nodes.add(
          Node.of(
              graph.freshNode(root.name() + "/Add"),
              "Add",
              List.of(product, root.input(BIAS)),
              List.of(root.output(0))));
    }
    graph.replace(root, nodes);
    return true;
  }

  private static Tensor constant(Node node, int input, GraphEditor graph) {
    Weight weight = node.hasInput(input) ? graph.weight(node.input(input)) : null;
    return weight instanceof DenseWeight dense ? dense.tensor() : null;
  }

  private static String cast(
      Node root, String value, DataType type, List<Node> nodes, GraphEditor graph) {
    String result = graph.freshValue(root.output(0) + "/cast");
    nodes.add(castNode(root, value, type, result, graph));
    return result;
  }

  private static Node castNode(
      Node root, String value, DataType type, String result, GraphEditor graph) {
    return new Node(
        graph.freshNode(root.name() + "/Cast"),
        Domains.ONNX,
        "Cast",
        List.of(value),
        List.of(result),
        Map.of("to", Attribute.of((long) type.onnxCode())));
  }
}
