package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Transpose(Transpose(x)) is one Transpose. */
final class MergeTransposes implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Transpose");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node first = graph.producer(root.input(0), "Transpose");
    long[] outer = root.integers("perm");
    long[] inner = first == null ? null : first.integers("perm");
    if (inner == null || outer == null || inner.length != outer.length) {
      return false;
    }
    List<Long> order = new ArrayList<>();
    for (long axis : outer) {
      order.add(inner[(int) axis]);
    }
    Node merged = root.withInputs(List.of(first.input(0)));
    graph.replace(root, merged.withAttribute("perm", Attribute.ofIntegers(order)));
    return true;
  }
}
