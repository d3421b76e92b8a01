package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/** MatMul by a constant matrix becomes Linear. */
final class FuseMatMul implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("MatMul");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    String x = root.input(0);
    String weight = root.input(1);
    Weight matrix = graph.weight(weight);
    boolean linear =
        matrix != null
            && matrix.type() == DataType.FLOAT32
            && matrix.shape().length == 2
            && graph.weight(x) == null
            && graph.rank(x) >= 2;
    if (!linear) {
      return false;
    }
    String layer = graph.freshNode(LayerNames.layer(weight, null, root.name()), root);
    graph.replace(root, Linears.create(layer, x, weight, "", root.output(0)));
    return true;
  }
}
