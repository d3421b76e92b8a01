package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Set;

/** A value of the same shape added to the result of a Linear is added by the Linear. */
final class FuseResidual implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Add");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    // The second operand first: it is the later one where both are results of a Linear.
    return apply(root, root.input(1), root.input(0), graph)
        || apply(root, root.input(0), root.input(1), graph);
  }

  private static boolean apply(Node root, String product, String residual, GraphEditor graph) {
    Node linear = Linears.solelyRead(product, graph);
    boolean possible =
        linear != null
            && !Linears.hasResidual(linear)
            && graph.weight(residual) == null
            && !product.equals(residual)
            && SymbolicShapes.areEqual(graph.shape(product), graph.shape(residual));
    if (!possible) {
      return false;
    }
    graph.replace(root, Linears.withInput(linear, 3, residual).withOutputs(root.outputs()));
    return true;
  }
}
