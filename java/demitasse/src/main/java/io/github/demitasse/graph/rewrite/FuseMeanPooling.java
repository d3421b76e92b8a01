package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The mean of the tokens that a mask selects, sum(x * mask) / max(sum(mask), tiny), becomes one
 * pooling.
 */
final class FuseMeanPooling implements Rewrite {
  /** A sum of ones and zeros is either 0, when the numerator is 0 as well, or larger than this. */
  private static final double TINY = 1e-3;

  @Override
  public Set<String> roots() {
    return Set.of("Div");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node sum = graph.producer(root.input(0), "ReduceSum");
    boolean overTokens =
        sum != null
            && graph.hasOneConsumer(sum.output(0))
            && graph.rank(sum.input(0)) == 3
            && Reductions.isOver(1, sum, graph)
            && !Reductions.keepsDimensions(sum);
    Node product = overTokens ? graph.producer(sum.input(0), "Mul") : null;
    String divisor = product == null ? null : sumOfMask(root.input(1), graph);
    if (divisor == null) {
      return false;
    }
    for (int i = 0; i < 2; i++) {
      String x = product.input(i);
      String mask = mask(product.input(1 - i), graph);
      boolean same = mask != null && mask.equals(divisor) && haveSameTokens(x, mask, graph);
      if (same && graph.type(x) == DataType.FLOAT32) {
        replace(root, x, mask, graph);
        return true;
      }
    }
    return false;
  }

  private static void replace(Node root, String x, String mask, GraphEditor graph) {
    DataType type = graph.type(mask);
    String weights = mask;
    List<Node> nodes = new ArrayList<>();
    if (type != DataType.FLOAT32 && type != DataType.INT64) {
      weights = graph.freshValue(mask + "/float");
      graph.describe(weights, DataType.FLOAT32, graph.shape(mask));
      nodes.add(
          new Node(
              graph.freshNode(root.name() + "/Cast"),
              Domains.ONNX,
              "Cast",
              List.of(mask),
              List.of(weights),
              Map.of("to", Attribute.of(DataType.FLOAT32.onnxCode()))));
    }
    nodes.add(
        SequencePoolings.create(
            graph.freshNode(LayerNames.scope(root.name()), root),
            "mean",
            List.of(x, weights),
            root.output(0)));
    graph.replace(root, nodes);
  }

  private static boolean haveSameTokens(String x, String mask, GraphEditor graph) {
    Shape tokens = graph.shape(x);
    Shape weights = graph.shape(mask);
    return tokens != null
        && weights != null
        && tokens.rank() == 3
        && !weights.dimension(1).is(1)
        && (!weights.dimension(0).is(1) || tokens.dimension(0).is(1));
  }

  /** The [batch, length] mask that was summed up over the tokens, or null. */
  private static String sumOfMask(String divisor, GraphEditor graph) {
    Node node = graph.producer(divisor);
    if (node != null && (node.is("Clip") || node.is("Max")) && isLowerBound(node, graph)) {
      node = graph.producer(node.input(0));
    }
    if (node == null || !node.is("ReduceSum") || !Reductions.isOver(1, node, graph)) {
      return null;
    }
    int rank = graph.rank(node.input(0));
    boolean column = rank == 3 && !Reductions.keepsDimensions(node);
    boolean row = rank == 2 && Reductions.keepsDimensions(node);
    return column || row ? mask(node.input(0), graph) : null;
  }

  private static boolean isLowerBound(Node clip, GraphEditor graph) {
    double bound = clip.hasInput(1) ? Constants.scalar(graph.weight(clip.input(1))) : Double.NaN;
    return bound >= 0 && bound <= TINY && !clip.hasInput(2);
  }

  /** What was given more axes, copies and another type to become {@code value}; or null. */
  private static String mask(String value, GraphEditor graph) {
    String current = value;
    while (true) {
      Node node = graph.producer(current);
      boolean follows =
          node != null
              && (node.is("Expand")
                  || node.is("Cast") && node.integer("to", 0) == DataType.FLOAT32.onnxCode()
                  || node.is("Unsqueeze") && isLastAxis(node, graph));
      if (!follows) {
        break;
      }
      current = node.input(0);
    }
    return graph.rank(current) == 2 && graph.weight(current) == null ? current : null;
  }

  private static boolean isLastAxis(Node unsqueeze, GraphEditor graph) {
    long[] axes = Reductions.axes(unsqueeze, graph);
    return axes != null
        && axes.length == 1
        && (axes[0] == -1 || axes[0] == graph.rank(unsqueeze.input(0)));
  }
}
