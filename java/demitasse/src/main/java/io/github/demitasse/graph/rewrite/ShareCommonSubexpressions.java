package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;
import java.util.Set;

/** Two nodes that compute the same of the same become one. */
final class ShareCommonSubexpressions implements Rewrite {
  /** Larger constants are compared by name only. */
  private static final int SMALL_CONSTANT = 16;

  private static final Set<String> NOT_REPEATABLE =
      Set.of(
          "RandomNormal",
          "RandomNormalLike",
          "RandomUniform",
          "RandomUniformLike",
          "Bernoulli",
          "Multinomial",
          "Dropout");

  @Override
  public Set<String> roots() {
    return Set.of();
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    String source = firstComputedInput(root, graph);
    boolean excluded =
        source == null
            || NOT_REPEATABLE.contains(root.operator())
            || root.attributes().values().stream().anyMatch(Attribute.OfGraph.class::isInstance);
    if (excluded) {
      return false;
    }
    for (Node other : graph.consumers(source)) {
      if (other != root && computesTheSame(root, other, graph)) {
        return share(root, other, graph);
      }
    }
    return false;
  }

  private static String firstComputedInput(Node node, GraphEditor graph) {
    for (String input : node.inputs()) {
      if (!input.isEmpty() && graph.weight(input) == null) {
        return input;
      }
    }
    return null;
  }

  private static boolean computesTheSame(Node a, Node b, GraphEditor graph) {
    boolean alike =
        a.operator().equals(b.operator())
            && a.domain().equals(b.domain())
            && a.inputs().size() == b.inputs().size()
            && a.outputs().size() == b.outputs().size()
            && a.attributes().equals(b.attributes());
    for (int i = 0; alike && i < a.inputs().size(); i++) {
      alike = a.input(i).equals(b.input(i)) || areEqual(a.input(i), b.input(i), graph);
    }
    return alike;
  }

  private static boolean areEqual(String a, String b, GraphEditor graph) {
    Weight first = graph.weight(a);
    Weight second = graph.weight(b);
    return first instanceof DenseWeight one
        && second instanceof DenseWeight other
        && one.elements() <= SMALL_CONSTANT
        && one.type() == other.type()
        && one.tensor().type() == other.tensor().type()
        && Arrays.equals(one.shape(), other.shape())
        && Arrays.equals(one.tensor().toBytes(), other.tensor().toBytes());
  }

  /** Keeps the one whose outputs must stay; two such nodes stay both. */
  private static boolean share(Node one, Node other, GraphEditor graph) {
    boolean oneStays = one.outputs().stream().anyMatch(graph::isKept);
    boolean otherStays = other.outputs().stream().anyMatch(graph::isKept);
    if (oneStays && otherStays) {
      return false;
    }
    Node kept = oneStays ? one : other;
    Node dropped = oneStays ? other : one;
    for (int i = 0; i < kept.outputs().size(); i++) {
      if (kept.hasOutput(i) != dropped.hasOutput(i)) {
        return false;
      }
    }
    for (int i = 0; i < kept.outputs().size(); i++) {
      if (kept.hasOutput(i)) {
        graph.redirect(dropped.output(i), kept.output(i));
      }
    }
    return true;
  }
}
