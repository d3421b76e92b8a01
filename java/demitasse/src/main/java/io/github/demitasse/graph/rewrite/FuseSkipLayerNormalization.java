package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** LayerNormalization(x + residual) in one step, which also gives the sum where it is wanted. */
final class FuseSkipLayerNormalization implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("LayerNormalization");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node sum = graph.producer(root.input(0), "Add");
    boolean plain =
        sum != null
            && isOverLastAxis(root, graph)
            && !root.hasOutput(1)
            && !root.hasOutput(2)
            && graph.weight(root.input(1)) != null
            && (!root.hasInput(2) || graph.weight(root.input(2)) != null);
    if (!plain) {
      return false;
    }
    Shape shape = graph.shape(sum.output(0));
    for (String input : sum.inputs()) {
      if (graph.weight(input) != null || !SymbolicShapes.areEqual(graph.shape(input), shape)) {
        return false;
      }
    }
    boolean sumWanted = !graph.hasOneConsumer(sum.output(0));
    Node fused =
        new Node(
            root.name(),
            Domains.DEMITASSE,
            FusedOperators.SKIP_LAYER_NORMALIZATION,
            List.of(
                sum.input(0), sum.input(1), root.input(1), root.hasInput(2) ? root.input(2) : ""),
            sumWanted ? List.of(root.output(0), sum.output(0)) : List.of(root.output(0)),
            Map.of("epsilon", Attribute.of(root.number("epsilon", 1e-5f))));
    if (sumWanted) {
      graph.replace(root, List.of());
      graph.replace(sum, fused);
    } else {
      graph.replace(root, fused);
    }
    return true;
  }

  private static boolean isOverLastAxis(Node normalization, GraphEditor graph) {
    long axis = normalization.integer("axis", -1);
    return axis == -1 || axis == graph.rank(normalization.input(0)) - 1;
  }
}
