package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Multi-head self-attention (Vaswani et al. 2017) spelled out: heads split off, softmax(scale * q
 * k^T + mask) v, heads merged again. The mask must have one number per key token; anything else
 * stays as it is.
 */
final class FuseAttention implements Rewrite {
  /**
   * A score replaced by this or less and one lowered by it are the same to a softmax over anything
   * else: nothing. Half precision models hide with -65504.
   */
  private static final double HIDING = -6e4;

  /** Scores scaled by more could overflow together with a mask. */
  private static final double LARGEST_SCALE = 1e3;

  @Override
  public Set<String> roots() {
    return Set.of("Reshape");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node transpose = read(root.input(0), "Transpose", graph);
    Node context = transpose == null ? null : read(transpose.input(0), "MatMul", graph);
    Node softmax = context == null ? null : read(context.input(0), "Softmax", graph);
    boolean attention =
        softmax != null && isOverKeys(softmax, graph) && mergesHeads(transpose.integers("perm"));
    if (!attention) {
      return false;
    }
    HeadSplit value = HeadSplit.above(context.input(1), graph);
    Scores scores = Scores.above(softmax.input(0), graph);
    if (value == null || scores == null || !value.hasRows() || value.scale() != 1) {
      return false;
    }
    HeadSplit query = scores.query();
    boolean consistent =
        Math.abs(scores.scale()) <= LARGEST_SCALE
            && query.isAs(value)
            && query.isAs(scores.key())
            && haveSameTokens(query.source(), scores.key().source(), graph)
            && haveSameTokens(query.source(), value.source(), graph)
            && restoresTokens(root, query, graph)
            && scores.hasMaskOfKeys(graph.shape(query.source()), graph);
    if (!consistent) {
      return false;
    }
    replace(root, softmax, scores, value, graph);
    return true;
  }

  private static void replace(
      Node root, Node softmax, Scores scores, HeadSplit value, GraphEditor graph) {
    List<Node> nodes = new ArrayList<>();
    String mask = scores.mask();
    if (scores.condition() != null) {
      Node where = scores.additiveMask(softmax, graph);
      nodes.add(where);
      mask = where.output(0);
    }
    HeadSplit query = scores.query();
    List<String> inputs = new ArrayList<>();
    inputs.add(query.source());
    inputs.add(scores.key().source());
    inputs.add(value.source());
    if (mask != null) {
      inputs.add(mask);
    }
    nodes.add(
        new Node(
            graph.freshNode(LayerNames.scope(softmax.name()), root),
            Domains.DEMITASSE,
            FusedOperators.MULTI_HEAD_ATTENTION,
            inputs,
            List.of(root.output(0)),
            Map.of(
                "heads",
                Attribute.of(query.heads()),
                "scale",
                Attribute.of((float) scores.scale()),
                "causal",
                Attribute.of(0))));
    graph.replace(root, nodes);
  }

  /** The node {@code operator} that computes a value which only one node reads, else null. */
  private static Node read(String value, String operator, GraphEditor graph) {
    return graph.hasOneConsumer(value) ? graph.producer(value, operator) : null;
  }

  private static boolean isOverKeys(Node softmax, GraphEditor graph) {
    long axis = softmax.integer("axis", -1);
    return graph.opset() >= 13 && (axis == -1 || axis == 3);
  }

  private static boolean mergesHeads(long[] order) {
    return order != null
        && order.length == 4
        && order[0] == 0
        && order[1] == 2
        && order[2] == 1
        && order[3] == 3;
  }

  private static boolean haveSameTokens(String a, String b, GraphEditor graph) {
    if (a.equals(b)) {
      return true;
    }
    Node one = graph.fusedProducer(a, FusedOperators.LINEAR);
    Node other = graph.fusedProducer(b, FusedOperators.LINEAR);
    boolean ofTheSame = one != null && other != null && one.input(0).equals(other.input(0));
    Shape first = graph.shape(a);
    Shape second = graph.shape(b);
    return ofTheSame
        || SymbolicShapes.areEqual(first.dimension(0), second.dimension(0))
            && SymbolicShapes.areEqual(first.dimension(1), second.dimension(1));
  }

  /** True when the root gives [batch, length, heads * size] again. */
  private static boolean restoresTokens(Node root, HeadSplit query, GraphEditor graph) {
    Shape before = graph.shape(query.source());
    Shape after = graph.shape(root.output(0));
    return after != null
        && after.rank() == 3
        && after.dimension(2).is(query.heads() * query.size())
        && HeadSplit.isKept(0, root, before.dimension(0), after.dimension(0), graph)
        && HeadSplit.isKept(1, root, before.dimension(1), after.dimension(1), graph);
  }

  /**
   * What stands above the softmax.
   *
   * @param mask the value added to the scores, or null
   * @param condition where true, {@code hidden} takes the place of the score; or null
   * @param hiddenWhereTrue false when it does so where the condition is false
   */
  private record Scores(
      HeadSplit query,
      HeadSplit key,
      double scale,
      String mask,
      String condition,
      String hidden,
      boolean hiddenWhereTrue) {

    static Scores above(String value, GraphEditor graph) {
      Node top = graph.hasOneConsumer(value) ? graph.producer(value) : null;
      if (top == null) {
        return null;
      }
      if (top.is("Add")) {
        Scores first = products(top.input(0), graph);
        Scores scores = first != null ? first : products(top.input(1), graph);
        return scores == null ? null : scores.masked(top.input(first != null ? 1 : 0));
      }
      if (top.is("Where")) {
        boolean hiddenFirst = hides(top.input(1), graph);
        boolean hiddenLast = hides(top.input(2), graph);
        Scores scores =
            hiddenFirst != hiddenLast ? products(top.input(hiddenFirst ? 2 : 1), graph) : null;
        return scores == null
            ? null
            : scores.masked(top.input(0), top.input(hiddenFirst ? 1 : 2), hiddenFirst);
      }
      return products(value, graph);
    }

    private static boolean hides(String value, GraphEditor graph) {
      return graph.type(value) == DataType.FLOAT32
          && Constants.scalar(graph.weight(value)) <= HIDING;
    }

    /** scale * q k^T. */
    private static Scores products(String value, GraphEditor graph) {
      HeadSplit.Scaled scaled = HeadSplit.Scaled.above(value, graph);
      Node product = read(scaled.value(), "MatMul", graph);
      HeadSplit query = product == null ? null : HeadSplit.above(product.input(0), graph);
      HeadSplit key = query == null ? null : HeadSplit.above(product.input(1), graph);
      if (key == null || !query.hasRows() || !key.isTransposed()) {
        return null;
      }
      double scale = scaled.factor() * query.scale() * key.scale();
      return new Scores(query, key, scale, null, null, null, false);
    }

    private Scores masked(String addedMask) {
      return new Scores(query, key, scale, addedMask, null, null, false);
    }

    private Scores masked(String where, String replacement, boolean whereTrue) {
      return new Scores(query, key, scale, null, where, replacement, whereTrue);
    }

    /** True without a mask, or with one of shape [batch, 1, 1, length]. */
    boolean hasMaskOfKeys(Shape tokens, GraphEditor graph) {
      if (mask == null && condition == null) {
        return true;
      }
      if (mask != null && graph.type(mask) != DataType.FLOAT32) {
        return false;
      }
      Shape shape = graph.shape(mask != null ? mask : condition);
      return shape != null
          && shape.rank() == 4
          && mayBeSame(shape.dimension(0), tokens.dimension(0))
          && shape.dimension(1).is(1)
          && shape.dimension(2).is(1)
          && mayBeSame(shape.dimension(3), tokens.dimension(1));
    }

    /**
     * Sizes that are not broadcast. Inputs often have unnamed or differently named dimensions for
     * the same size; the fused operator checks them when it runs.
     */
    private static boolean mayBeSame(Dimension mask, Dimension tokens) {
      return mask.isKnown() ? mask.equals(tokens) : !tokens.isKnown();
    }

    /** What is added to the scores instead of replacing them: 0 or the hiding number. */
    Node additiveMask(Node softmax, GraphEditor graph) {
      String zero = graph.addWeight(softmax.name() + "/zero", new DenseWeight(Tensor.scalar(0f)));
      String added = graph.freshValue(condition + "/additive");
      graph.describe(added, DataType.FLOAT32, graph.shape(condition));
      List<String> inputs =
          hiddenWhereTrue ? List.of(condition, hidden, zero) : List.of(condition, zero, hidden);
      return Node.of(graph.freshNode(softmax.name() + "/Mask"), "Where", inputs, List.of(added));
    }
  }
}
