package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Vision transformers take queries, keys and values out of one [3, batch, heads, length, size]
 * transposition of a merged projection. Split first and divided into heads one by one, they look
 * like everybody else's.
 */
final class SplitPackedHeads implements Rewrite {
  private static final long[] PARTS_FIRST = {2, 0, 3, 1, 4};

  @Override
  public Set<String> roots() {
    return Set.of("Gather", "Squeeze");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Part part = root.is("Gather") ? gathered(root, graph) : squeezed(root, graph);
    Node transpose = part == null ? null : graph.producer(part.of, "Transpose");
    boolean partsFirst =
        transpose != null && Arrays.equals(transpose.integers("perm"), PARTS_FIRST);
    Node reshape = partsFirst ? graph.producer(transpose.input(0), "Reshape") : null;
    if (reshape == null || part.index < 0 || part.index > 2 || !dividesTokens(reshape, graph)) {
      return false;
    }
    replace(root, (int) part.index, reshape, graph);
    return true;
  }

  /** Number {@code index} along the first axis of a value. */
  private record Part(String of, double index) {}

  private static Part gathered(Node gather, GraphEditor graph) {
    boolean one = gather.integer("axis", 0) == 0 && graph.rank(gather.input(1)) == 0;
    double index = one ? Constants.scalar(graph.weight(gather.input(1))) : Double.NaN;
    return Double.isNaN(index) ? null : new Part(gather.input(0), index);
  }

  private static Part squeezed(Node squeeze, GraphEditor graph) {
    Node source = graph.producer(squeeze.input(0));
    if (source == null || !Reductions.isOver(0, squeeze, graph)) {
      return null;
    }
    if (source.is("Split") && source.integer("axis", 0) == 0 && source.outputs().size() == 3) {
      return new Part(source.input(0), source.outputs().indexOf(squeeze.input(0)));
    }
    boolean slice = source.is("Slice") && source.hasInput(3) && !source.hasInput(4);
    boolean first = slice && Constants.scalar(graph.weight(source.input(3))) == 0;
    double start = first ? Constants.scalar(graph.weight(source.input(1))) : Double.NaN;
    double end = first ? Constants.scalar(graph.weight(source.input(2))) : Double.NaN;
    return end == start + 1 ? new Part(source.input(0), start) : null;
  }

  /** True for [batch, length, 3 * heads * size] to [batch, length, 3, heads, size]. */
  private static boolean dividesTokens(Node reshape, GraphEditor graph) {
    Shape before = graph.shape(reshape.input(0));
    Shape after = graph.shape(reshape.output(0));
    boolean known =
        before != null
            && after != null
            && before.rank() == 3
            && after.rank() == 5
            && after.dimension(2).is(3)
            && after.dimension(3).isKnown()
            && after.dimension(4).isKnown();
    return known
        && before.dimension(2).is(3 * after.dimension(3).size() * after.dimension(4).size())
        && HeadSplit.isKept(0, reshape, before.dimension(0), after.dimension(0), graph)
        && HeadSplit.isKept(1, reshape, before.dimension(1), after.dimension(1), graph);
  }

  private static void replace(Node root, int index, Node reshape, GraphEditor graph) {
    String packed = reshape.input(0);
    Shape tokens = graph.shape(packed);
    Shape heads = graph.shape(reshape.output(0));
    long count = heads.dimension(3).size();
    long size = heads.dimension(4).size();
    List<String> parts =
        List.of(
            graph.freshValue(packed + "/query"),
            graph.freshValue(packed + "/key"),
            graph.freshValue(packed + "/value"));
    for (String part : parts) {
      graph.describe(
          part,
          graph.type(packed),
          Shape.of(tokens.dimension(0), tokens.dimension(1), Dimension.of(count * size)));
    }
    String divided = graph.freshValue(root.output(0) + "/heads");
    graph.describe(
        divided,
        graph.type(packed),
        Shape.of(
            tokens.dimension(0), tokens.dimension(1), Dimension.of(count), Dimension.of(size)));
    String shape = graph.addWeight(divided + "/shape", Constants.of(0, 0, count, size));
    graph.replace(
        root,
        new Node(
            graph.freshNode(root.name() + "/Split"),
            Domains.ONNX,
            "Split",
            List.of(packed),
            parts,
            Map.of("axis", Attribute.of(-1), "num_outputs", Attribute.of(3))),
        Node.of(
            graph.freshNode(root.name() + "/Reshape"),
            "Reshape",
            List.of(parts.get(index), shape),
            List.of(divided)),
        new Node(
            graph.freshNode(root.name() + "/Transpose"),
            Domains.ONNX,
            "Transpose",
            List.of(divided),
            root.outputs(),
            Map.of("perm", Attribute.ofIntegers(List.of(0L, 2L, 1L, 3L)))));
  }
}
