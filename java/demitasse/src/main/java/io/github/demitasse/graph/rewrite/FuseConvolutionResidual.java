package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Set;

/** A value of the same shape added to the result of a convolution is added by the convolution. */
final class FuseConvolutionResidual implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Add");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    // The second operand first: it is the later one where both are results of a convolution.
    return apply(root, root.input(1), root.input(0), graph)
        || apply(root, root.input(0), root.input(1), graph);
  }

  private static boolean apply(Node root, String result, String residual, GraphEditor graph) {
    Node convolution = Convolutions.solelyRead(result, graph);
    boolean possible =
        convolution != null
            && !Convolutions.hasResidual(convolution)
            && graph.weight(residual) == null
            && !result.equals(residual)
            && SymbolicShapes.areEqual(graph.shape(result), graph.shape(residual));
    if (!possible) {
      return false;
    }
    graph.replace(root, Linears.withInput(convolution, 3, residual).withOutputs(root.outputs()));
    return true;
  }
}
