package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The projections to queries, keys and values of one input become one Linear with their weights
 * side by side.
 */
final class FusePackedAttention implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of(Domains.DEMITASSE + "::" + FusedOperators.MULTI_HEAD_ATTENTION);
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    return ofSplit(root, graph) || ofProjections(root, graph);
  }

  /** Queries, keys and values that were side by side already. */
  private static boolean ofSplit(Node root, GraphEditor graph) {
    Node split = graph.producer(root.input(0), "Split");
    boolean thirds =
        split != null
            && split.outputs().equals(root.inputs().subList(0, 3))
            && graph.rank(split.input(0)) == 3
            && (split.integer("axis", 0) == -1 || split.integer("axis", 0) == 2)
            && haveEqualWidths(split.outputs(), graph);
    if (thirds) {
      graph.replace(root, packed(root, split.input(0)));
    }
    return thirds;
  }

  private static boolean haveEqualWidths(List<String> values, GraphEditor graph) {
    Shape first = graph.shape(values.get(0));
    return first != null
        && first.dimension(-1).isKnown()
        && values.stream()
            .map(graph::shape)
            .allMatch(shape -> shape != null && shape.dimension(-1).equals(first.dimension(-1)));
  }

  private static Node packed(Node attention, String value) {
    List<String> inputs = new ArrayList<>(List.of(value));
    inputs.addAll(attention.inputs().subList(3, attention.inputs().size()));
    return new Node(
        attention.name(),
        Domains.DEMITASSE,
        FusedOperators.PACKED_ATTENTION,
        inputs,
        attention.outputs(),
        attention.attributes());
  }

  private static boolean ofProjections(Node root, GraphEditor graph) {
    List<Node> projections = new ArrayList<>();
    for (String input : root.inputs().subList(0, 3)) {
      Node linear = Linears.solelyRead(input, graph);
      boolean alike =
          linear != null
              && Linears.isAffine(linear)
              && (projections.isEmpty() || linear.input(0).equals(projections.get(0).input(0)));
      if (!alike) {
        return false;
      }
      projections.add(linear);
    }
    Weight merged =
        WeightLayouts.concatenateColumns(
            projections.stream().map(linear -> graph.weight(linear.input(1))).toList());
    if (merged == null) {
      return false;
    }
    replace(root, projections, merged, graph);
    return true;
  }

  private static void replace(Node root, List<Node> projections, Weight merged, GraphEditor graph) {
    String name = graph.freshNode(LayerNames.merged(projections.stream().map(Node::name).toList()));
    String weight = graph.addWeight(name + ".weight", merged);
    String bias =
        projections.stream().anyMatch(Linears::hasBias)
            ? graph.addWeight(name + ".bias", bias(projections, graph))
            : "";
    String packed = graph.freshValue(name);
    describe(packed, root, merged.shape()[1], graph);
    Node linear = Linears.create(name, projections.get(0).input(0), weight, bias, packed);
    graph.replace(root, linear, packed(root, packed));
  }

  private static DenseWeight bias(List<Node> projections, GraphEditor graph) {
    int columns = 0;
    for (Node linear : projections) {
      columns += Math.toIntExact(graph.weight(linear.input(1)).shape()[1]);
    }
    float[] bias = new float[columns];
    int start = 0;
    for (Node linear : projections) {
      int width = Math.toIntExact(graph.weight(linear.input(1)).shape()[1]);
      if (Linears.hasBias(linear)) {
        try (Tensor values = graph.weight(linear.input(2)).dequantize()) {
          System.arraycopy(values.toFloats(), 0, bias, start, width);
        }
      }
      start += width;
    }
    return new DenseWeight(Tensor.of(bias, columns));
  }

  private static void describe(String packed, Node root, long columns, GraphEditor graph) {
    Shape tokens = graph.shape(root.input(0));
    if (tokens != null && tokens.rank() == 3) {
      Dimension width = Dimension.of(columns);
      graph.describe(
          packed, DataType.FLOAT32, Shape.of(tokens.dimension(0), tokens.dimension(1), width));
    }
  }
}
