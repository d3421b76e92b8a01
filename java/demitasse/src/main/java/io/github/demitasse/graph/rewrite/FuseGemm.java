package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/** Gemm by a constant matrix, with a constant row added or none, becomes Linear. */
final class FuseGemm implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Gemm");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Weight matrix = graph.weight(root.input(1));
    boolean transposed = root.integer("transB", 0) != 0;
    boolean linear =
        matrix != null
            && matrix.type() == DataType.FLOAT32
            && matrix.shape().length == 2
            && root.integer("transA", 0) == 0
            && graph.weight(root.input(0)) == null
            && graph.rank(root.input(0)) == 2
            && (!transposed || WeightLayouts.canTranspose(matrix));
    if (!linear) {
      return false;
    }
    long columns = matrix.shape()[transposed ? 0 : 1];
    String bias = root.hasInput(2) ? bias(root, columns, graph) : "";
    if (bias == null) {
      return false;
    }
    String layer =
        graph.freshNode(
            LayerNames.layer(root.input(1), bias.isEmpty() ? null : bias, root.name()), root);
    String weight = weight(root, matrix, transposed, layer, graph);
    graph.replace(root, Linears.create(layer, root.input(0), weight, bias, root.output(0)));
    return true;
  }

  private static String bias(Node gemm, long columns, GraphEditor graph) {
    String bias = Linears.bias(gemm.input(2), columns, graph);
    float beta = gemm.number("beta", 1);
    return bias == null || beta == 1
        ? bias
        : graph.addWeight(bias + "/scaled", WeightLayouts.scaled(graph.weight(bias), beta));
  }

  private static String weight(
      Node gemm, Weight matrix, boolean transposed, String layer, GraphEditor graph) {
    float alpha = gemm.number("alpha", 1);
    if (!transposed && alpha == 1) {
      return gemm.input(1);
    }
    Weight folded = WeightLayouts.scaled(matrix, alpha);
    folded = transposed ? WeightLayouts.transpose(folded) : folded;
    if (graph.consumers(gemm.input(1)).size() == 1) {
      graph.replaceWeight(gemm.input(1), folded);
      return gemm.input(1);
    }
    return graph.addWeight(layer + ".weight", folded);
  }
}
