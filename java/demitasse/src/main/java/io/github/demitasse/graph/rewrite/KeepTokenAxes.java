package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A Linear or FakeQuantize of [batch * length, features] between two Reshapes works as well on
 * [batch, length, features]: some frameworks know only matrices.
 */
final class KeepTokenAxes implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Reshape");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node rowwise = graph.hasOneConsumer(root.input(0)) ? graph.producer(root.input(0)) : null;
    boolean fused =
        rowwise != null
            && (rowwise.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE)
                || Linears.isLinear(rowwise) && !Linears.hasResidual(rowwise));
    Node flattening = fused ? graph.producer(rowwise.input(0)) : null;
    if (flattening == null || !flattening.is("Reshape") && !flattening.is("Flatten")) {
      return false;
    }
    Shape tokens = graph.shape(flattening.input(0));
    if (!keepsLast(tokens, flattening, rowwise, graph) || !restores(root, tokens, rowwise, graph)) {
      return false;
    }
    List<String> inputs = new ArrayList<>(rowwise.inputs());
    inputs.set(0, flattening.input(0));
    graph.replace(root, rowwise.withInputs(inputs).withOutputs(root.outputs()));
    return true;
  }

  /** True when the rows are as long as the tokens: what a Linear reads is as its weight says. */
  private static boolean keepsLast(Shape tokens, Node flattening, Node rowwise, GraphEditor graph) {
    Shape rows = graph.shape(flattening.output(0));
    if (tokens == null || rows == null || tokens.rank() <= 2 || rows.rank() != 2) {
      return false;
    }
    return Linears.isLinear(rowwise)
        ? tokens.dimension(-1).is(graph.weight(rowwise.input(1)).shape()[0])
        : SymbolicShapes.areEqual(tokens.dimension(-1), rows.dimension(-1));
  }

  /** True when the root's shape is that of the tokens, with the features that rowwise gives. */
  private static boolean restores(Node root, Shape tokens, Node rowwise, GraphEditor graph) {
    Shape result = graph.shape(root.output(0));
    Shape rows = graph.shape(rowwise.output(0));
    if (result == null || rows == null || result.rank() != tokens.rank()) {
      return false;
    }
    for (int axis = 0; axis < result.rank() - 1; axis++) {
      if (!SymbolicShapes.areEqual(result.dimension(axis), tokens.dimension(axis))) {
        return false;
      }
    }
    return SymbolicShapes.areEqual(result.dimension(-1), rows.dimension(-1));
  }
}
