package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Set;

/** A value of the same shape added to the result of a Linear or FusedConv is added by that node. */
final class FuseResidual implements Rewrite {
  private static final int RESIDUAL = 3;

  private final String operator;

  /** {@code operator} is the fused operator, whose fourth input is the residual. */
  FuseResidual(String operator) {
    this.operator = operator;
  }

  @Override
  public Set<String> roots() {
    return Set.of("Add");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    // The second operand first: it is the later one where both are results of such a node.
    return apply(root, root.input(1), root.input(0), graph)
        || apply(root, root.input(0), root.input(1), graph);
  }

  private boolean apply(Node root, String result, String residual, GraphEditor graph) {
    Node producer = graph.fusedProducer(result, operator);
    boolean possible =
        producer != null
            && graph.hasOneConsumer(result)
            && !producer.hasInput(RESIDUAL)
            && graph.weight(residual) == null
            && !result.equals(residual)
            && SymbolicShapes.areEqual(graph.shape(result), graph.shape(residual));
    if (!possible) {
      return false;
    }
    graph.replace(
        root, Linears.withInput(producer, RESIDUAL, residual).withOutputs(root.outputs()));
    return true;
  }
}
