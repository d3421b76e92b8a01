package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.Arrays;

/**
 * A value [batch, length, heads * size] seen as one matrix per head: what stands above an operand
 * of an attention's matrix products.
 *
 * @param source the value before it was split
 * @param scale the product of the numbers that source was multiplied with on the way
 * @param order the axes of [batch, length, heads, size] as they come out
 */
record HeadSplit(String source, long heads, long size, double scale, int[] order) {
  /** One [length, size] matrix per head. */
  private static final int[] ROWS = {0, 2, 1, 3};

  /** One [size, length] matrix per head. */
  private static final int[] TRANSPOSED = {0, 2, 3, 1};

  boolean hasRows() {
    return Arrays.equals(order, ROWS);
  }

  boolean isTransposed() {
    return Arrays.equals(order, TRANSPOSED);
  }

  boolean isAs(HeadSplit other) {
    return heads == other.heads && size == other.size;
  }

  /** The split that ends in {@code value}, which one node reads, as all in between; else null. */
  static HeadSplit above(String value, GraphEditor graph) {
    Scaled last = Scaled.above(value, graph);
    double scale = last.factor();
    int[] order = {0, 1, 2, 3};
    Node node = graph.producer(last.value());
    while (node != null && node.is("Transpose") && graph.hasOneConsumer(node.output(0))) {
      order = compose(order, node.integers("perm"));
      last = order == null ? null : Scaled.above(node.input(0), graph);
      if (last == null) {
        return null;
      }
      scale *= last.factor();
      node = graph.producer(last.value());
    }
    boolean split =
        node != null
            && node.is("Reshape")
            && graph.hasOneConsumer(node.output(0))
            && keepsTokens(node, graph);
    if (!split) {
      return null;
    }
    Shape shape = graph.shape(node.output(0));
    Scaled source = Scaled.above(node.input(0), graph);
    return new HeadSplit(
        source.value(),
        shape.dimension(2).size(),
        shape.dimension(3).size(),
        scale * source.factor(),
        order);
  }

  /** Axes of a transposition of what was already transposed. */
  private static int[] compose(int[] outer, long[] inner) {
    if (inner == null || inner.length != outer.length) {
      return null;
    }
    int[] order = new int[outer.length];
    for (int i = 0; i < order.length; i++) {
      order[i] = (int) inner[outer[i]];
    }
    return order;
  }

  /** True for [batch, length, heads * size] to [batch, length, heads, size]. */
  private static boolean keepsTokens(Node reshape, GraphEditor graph) {
    Shape before = graph.shape(reshape.input(0));
    Shape after = graph.shape(reshape.output(0));
    boolean known =
        before != null
            && after != null
            && before.rank() == 3
            && after.rank() == 4
            && after.dimension(2).isKnown()
            && after.dimension(3).isKnown();
    return known
        && before.dimension(2).is(after.dimension(2).size() * after.dimension(3).size())
        && isKept(0, reshape, before.dimension(0), after.dimension(0), graph)
        && isKept(1, reshape, before.dimension(1), after.dimension(1), graph);
  }

  /** True when a Reshape leaves this axis as it is, by its own word or by the shapes. */
  static boolean isKept(
      int axis, Node reshape, Dimension before, Dimension after, GraphEditor graph) {
    long[] target = Constants.integers(graph.weight(reshape.input(1)));
    boolean copied =
        target != null
            && axis < target.length
            && target[axis] == 0
            && reshape.integer("allowzero", 0) == 0;
    return copied || SymbolicShapes.areEqual(before, after);
  }

  /** A value times a number. */
  record Scaled(String value, double factor) {

    /** Takes off multiplications and divisions by numbers, each read by one node only. */
    static Scaled above(String value, GraphEditor graph) {
      double factor = 1;
      String current = value;
      while (graph.hasOneConsumer(current)) {
        Node node = graph.producer(current);
        int number = node == null ? -1 : numberOperand(node, graph);
        if (number < 0) {
          break;
        }
        double operand = Constants.scalar(graph.weight(node.input(number)));
        factor = node.is("Mul") ? factor * operand : factor / operand;
        current = node.input(1 - number);
      }
      return new Scaled(current, factor);
    }

    private static int numberOperand(Node node, GraphEditor graph) {
      if ((node.is("Mul") || node.is("Div")) && isNumber(node.input(1), graph)) {
        return 1;
      }
      return node.is("Mul") && isNumber(node.input(0), graph) ? 0 : -1;
    }

    private static boolean isNumber(String value, GraphEditor graph) {
      return graph.weight(value) != null
          && graph.rank(value) <= 1
          && !Double.isNaN(Constants.scalar(graph.weight(value)));
    }
  }
}
