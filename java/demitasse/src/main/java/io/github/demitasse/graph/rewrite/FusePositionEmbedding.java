package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Looking up the positions 0, 1, 2 ... up to the length of the input in a table of positions: no
 * indices are needed. Positions come as a slice of a stored 0, 1, 2 ... or as a Range.
 */
final class FusePositionEmbedding implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Gather", "Unsqueeze");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    return root.is("Gather") ? ofGather(root, graph) : ofSlice(root, graph);
  }

  /** The first rows of the table itself. */
  private static boolean ofSlice(Node root, GraphEditor graph) {
    Node slice = graph.producer(root.input(0), "Slice");
    boolean firstRows =
        slice != null
            && graph.hasOneConsumer(slice.output(0))
            && isTable(slice.input(0), graph)
            && isFromStart(slice, 0, graph)
            && graph.rank(root.output(0)) == 3
            && graph.shape(root.output(0)).dimension(0).is(1);
    String like = firstRows ? valueOfLength(slice.input(2), graph) : null;
    if (like == null) {
      return false;
    }
    graph.replace(root, embedding(root, like, slice.input(0), root.output(0), graph));
    return true;
  }

  private static boolean isTable(String value, GraphEditor graph) {
    Weight table = graph.weight(value);
    return table != null && table.type() == DataType.FLOAT32 && table.shape().length == 2;
  }

  private static boolean ofGather(Node root, GraphEditor graph) {
    if (!isTable(root.input(0), graph) || root.integer("axis", 0) != 0) {
      return false;
    }
    String indices = root.input(1);
    Node expand = graph.producer(indices, "Expand");
    String positions = withoutCasts(expand == null ? indices : expand.input(0), graph);
    String end = end(positions, graph);
    String like = end == null ? null : valueOfLength(end, graph);
    if (like == null) {
      return false;
    }
    boolean sameShape = expand == null && graph.rank(indices) == 2;
    if (!sameShape && !isOnlyBroadcast(root, graph)) {
      return false;
    }
    replace(root, like, sameShape, graph);
    return true;
  }

  private static Node embedding(
      Node root, String like, String table, String output, GraphEditor graph) {
    return new Node(
        graph.freshNode(LayerNames.layer(table, null, root.name()), root),
        Domains.DEMITASSE,
        FusedOperators.POSITION_EMBEDDING,
        List.of(like, table),
        List.of(output),
        Map.of());
  }

  private static void replace(Node root, String like, boolean sameShape, GraphEditor graph) {
    String output = sameShape ? root.output(0) : graph.freshValue(root.output(0) + "/positions");
    Node embedding = embedding(root, like, root.input(0), output, graph);
    if (sameShape) {
      graph.replace(root, embedding);
      return;
    }
    Dimension length = graph.shape(like).dimension(1);
    graph.describe(
        output,
        DataType.FLOAT32,
        Shape.of(Dimension.of(1), length, Dimension.of(graph.weight(root.input(0)).shape()[1])));
    graph.replace(root, embedding);
    graph.redirect(root.output(0), output);
  }

  /** True when [1, length, features] serves every reader as well as what the root gives. */
  private static boolean isOnlyBroadcast(Node root, GraphEditor graph) {
    String output = root.output(0);
    if (graph.isKept(output)) {
      return false;
    }
    for (Node reader : graph.consumers(output)) {
      String other = reader.is("Add") ? reader.input(reader.input(0).equals(output) ? 1 : 0) : null;
      Shape whole = graph.shape(reader.output(0));
      boolean broadcast =
          other != null
              && !other.equals(output)
              && whole != null
              && whole.rank() == 3
              && SymbolicShapes.areEqual(graph.shape(other), whole);
      if (!broadcast) {
        return false;
      }
    }
    return true;
  }

  private static String withoutCasts(String value, GraphEditor graph) {
    String current = value;
    for (Node cast = graph.producer(current, "Cast");
        cast != null;
        cast = graph.producer(current, "Cast")) {
      current = cast.input(0);
    }
    return current;
  }

  /** The end of the positions 0 ... end - 1 that a value holds, or null when it holds others. */
  private static String end(String positions, GraphEditor graph) {
    Node node = graph.producer(positions);
    if (node == null) {
      return null;
    }
    if (node.is("Unsqueeze") || node.is("Reshape")) {
      String inner = withoutCasts(node.input(0), graph);
      Node range = graph.producer(inner, "Range");
      Shape shape = graph.shape(positions);
      boolean row = shape != null && shape.rank() == 2 && shape.dimension(0).is(1);
      return range != null && row ? end(inner, graph) : null;
    }
    if (node.is("Range")) {
      boolean counts =
          Constants.scalar(graph.weight(node.input(0))) == 0
              && Constants.scalar(graph.weight(node.input(2))) == 1;
      return counts ? node.input(1) : null;
    }
    return node.is("Slice") && cutsPositions(node, graph) ? node.input(2) : null;
  }

  /** True for the first elements of a stored 0, 1, 2 ... of shape [n] or [1, n]. */
  private static boolean cutsPositions(Node slice, GraphEditor graph) {
    long[] stored = Constants.integers(graph.weight(slice.input(0)));
    int rank = graph.rank(slice.input(0));
    if (stored == null || rank < 1 || rank > 2 || rank == 2 && !isRow(slice.input(0), graph)) {
      return false;
    }
    for (int i = 0; i < stored.length; i++) {
      if (stored[i] != i) {
        return false;
      }
    }
    return isFromStart(slice, rank - 1, graph);
  }

  /** True for a slice of this axis that begins at 0 and leaves nothing out. */
  private static boolean isFromStart(Node slice, int axis, GraphEditor graph) {
    double cut = slice.hasInput(3) ? Constants.scalar(graph.weight(slice.input(3))) : 0;
    return Constants.scalar(graph.weight(slice.input(1))) == 0
        && (!slice.hasInput(4) || Constants.scalar(graph.weight(slice.input(4))) == 1)
        && (cut < 0 ? cut + graph.rank(slice.input(0)) : cut) == axis;
  }

  private static boolean isRow(String weight, GraphEditor graph) {
    return graph.weight(weight).shape()[0] == 1;
  }

  /** A value whose second dimension is {@code end}, a number computed from its shape; or null. */
  private static String valueOfLength(String end, GraphEditor graph) {
    List<Dimension> content = graph.content(end);
    if (content == null || content.size() != 1 || content.get(0).isKnown()) {
      return null;
    }
    Node node = graph.producer(end);
    while (node != null && !node.is("Shape")) {
      node = node.inputs().isEmpty() ? null : graph.producer(node.input(0));
    }
    Shape shape = node == null ? null : graph.shape(node.input(0));
    boolean found =
        shape != null
            && shape.rank() >= 2
            && SymbolicShapes.areEqual(shape.dimension(1), content.get(0));
    return found ? node.input(0) : null;
  }
}
