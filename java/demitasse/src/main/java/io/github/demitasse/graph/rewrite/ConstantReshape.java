package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A Reshape to a shape computed from shapes, as frameworks write {@code x.view(batch, length,
 * heads, -1)}, gets a constant shape: 0 for a size taken over from the input, -1 for one that
 * follows.
 */
final class ConstantReshape implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Reshape");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Shape before = graph.shape(root.input(0));
    if (graph.weight(root.input(1)) != null
        || before == null
        || root.integer("allowzero", 0) != 0) {
      return false;
    }
    List<Dimension> sizes = sizes(root.input(1), graph);
    long[] target = sizes == null ? null : target(sizes, before);
    if (target == null) {
      return false;
    }
    String shape = graph.addWeight(root.output(0) + "/shape", Constants.of(target));
    graph.replace(root, root.withInputs(List.of(root.input(0), shape)));
    return true;
  }

  /** The elements of a shape, some of which may be unknown; null when their number is. */
  private static List<Dimension> sizes(String shape, GraphEditor graph) {
    List<Dimension> content = graph.content(shape);
    if (content != null) {
      return content;
    }
    Node concat = graph.producer(shape, "Concat");
    if (concat == null) {
      return null;
    }
    List<Dimension> sizes = new ArrayList<>();
    for (String part : concat.inputs()) {
      List<Dimension> partSizes = sizes(part, graph);
      if (partSizes == null && graph.rank(part) == 1 && graph.shape(part).dimension(0).is(1)) {
        partSizes = List.of(Dimension.unknown());
      }
      if (partSizes == null) {
        return null;
      }
      sizes.addAll(partSizes);
    }
    return sizes;
  }

  private static long[] target(List<Dimension> sizes, Shape before) {
    long[] target = new long[sizes.size()];
    boolean inferred = false;
    for (int i = 0; i < target.length; i++) {
      Dimension size = sizes.get(i);
      if (size.isKnown() && size.size() >= 0) {
        target[i] = size.size();
        if (target[i] == 0 && i >= before.rank()) {
          return null;
        }
      } else if (i < before.rank() && SymbolicShapes.areEqual(size, before.dimension(i))) {
        target[i] = 0;
      } else if (!inferred) {
        target[i] = -1;
        inferred = true;
      } else {
        return null;
      }
    }
    return target;
  }
}
