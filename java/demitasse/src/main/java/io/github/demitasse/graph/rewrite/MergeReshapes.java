package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** Reshape after a node that changes nothing but the shape needs only the last shape. */
final class MergeReshapes implements Rewrite {
  private static final List<String> RESHAPING =
      List.of("Reshape", "Flatten", "Squeeze", "Unsqueeze");

  @Override
  public Set<String> roots() {
    return Set.of("Reshape");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    long[] target = Constants.integers(graph.weight(root.input(1)));
    Node first = graph.producer(root.input(0));
    boolean independent = target != null && Arrays.stream(target).noneMatch(size -> size == 0);
    if (!independent || first == null || RESHAPING.stream().noneMatch(first::is)) {
      return false;
    }
    graph.replace(root, root.withInputs(List.of(first.input(0), root.input(1))));
    return true;
  }
}
