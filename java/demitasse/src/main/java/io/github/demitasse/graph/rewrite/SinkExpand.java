package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Expand moves behind element-wise arithmetic with scalars, which then works on the small tensor,
 * and disappears in front of arithmetic that broadcasts anyway. Attention masks expanded from
 * [batch, 1, 1, length] to [batch, 1, length, length] become masks of key tokens again.
 */
final class SinkExpand implements Rewrite {
  private static final Set<String> ELEMENTWISE =
      Set.of(
          "Cast", "Neg", "Not", "Abs", "Add", "Sub", "Mul", "Div", "Pow", "Equal", "Greater",
          "Less", "Where", "And", "Or", "Clip", "Max", "Min");

  private static final Set<String> BROADCASTING =
      Set.of(
          "Add", "Sub", "Mul", "Div", "Where", "And", "Or", "Equal", "Greater", "Less", "Max",
          "Min");

  @Override
  public Set<String> roots() {
    return ELEMENTWISE;
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    return BROADCASTING.contains(root.operator()) && drop(root, graph) || sink(root, graph);
  }

  /** op(Expand(a), b) is op(a, b) where the result has the same shape all the same. */
  private static boolean drop(Node root, GraphEditor graph) {
    for (int i = 0; i < root.inputs().size(); i++) {
      Node expand = root.hasInput(i) ? graph.producer(root.input(i), "Expand") : null;
      if (expand == null) {
        continue;
      }
      Shape result = graph.shape(root.output(0));
      for (int j = 0; j < root.inputs().size(); j++) {
        boolean whole =
            j != i
                && graph.producer(root.input(j), "Expand") == null
                && SymbolicShapes.areEqual(graph.shape(root.input(j)), result);
        if (whole && SymbolicShapes.broadcastsTo(graph.shape(expand.input(0)), result)) {
          List<String> inputs = new ArrayList<>(root.inputs());
          inputs.set(i, expand.input(0));
          graph.replace(root, root.withInputs(inputs));
          return true;
        }
      }
    }
    return false;
  }

  /** op(Expand(a), scalar) is Expand(op(a, scalar)). */
  private static boolean sink(Node root, GraphEditor graph) {
    Node expand = null;
    List<String> inputs = new ArrayList<>(root.inputs());
    for (int i = 0; i < inputs.size(); i++) {
      String input = inputs.get(i);
      if (input.isEmpty() || isScalar(input, graph)) {
        continue;
      }
      Node candidate = graph.producer(input, "Expand");
      if (candidate == null || expand != null && !isLike(candidate, expand, graph)) {
        return false;
      }
      expand = candidate;
      inputs.set(i, candidate.input(0));
    }
    boolean possible =
        expand != null
            && !graph.isKept(root.output(0))
            && root.outputs().size() == 1
            && graph.rank(expand.input(0)) > 0;
    if (!possible) {
      return false;
    }
    String small = graph.freshValue(root.output(0) + "/unexpanded");
    graph.describe(small, graph.type(root.output(0)), graph.shape(expand.input(0)));
    Node computed =
        new Node(
            root.name(), root.domain(), root.operator(), inputs, List.of(small), root.attributes());
    Node expanded =
        Node.of(
            graph.freshNode(root.name() + "/Expand"),
            "Expand",
            List.of(small, expand.input(1)),
            root.outputs());
    graph.replace(root, computed, expanded);
    return true;
  }

  private static boolean isScalar(String value, GraphEditor graph) {
    Weight weight = graph.weight(value);
    return graph.rank(value) == 0
        || weight != null && weight.elements() == 1 && graph.rank(value) == 1;
  }

  /** Two expansions of equal shapes to the same shape. */
  private static boolean isLike(Node one, Node other, GraphEditor graph) {
    return one.input(1).equals(other.input(1))
        && SymbolicShapes.areEqual(graph.shape(one.input(0)), graph.shape(other.input(0)));
  }
}
