package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.Pattern.add;
import static io.github.demitasse.graph.rewrite.Pattern.any;
import static io.github.demitasse.graph.rewrite.Pattern.node;
import static io.github.demitasse.graph.rewrite.Pattern.scalar;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * GELU (Hendrycks and Gimpel 2016), multiplied together in whatever order, becomes ONNX's Gelu: x *
 * 0.5 * (1 + erf(x / sqrt(2))), or its approximation x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x +
 * 0.044715 x^3))).
 */
final class FuseGelu implements Rewrite {
  private static final int SINCE_OPSET = 20;
  private static final double CUBIC = 0.044715;

  private static final Pattern ONE_PLUS_ERF = add(node("Erf", any("u")), scalar(1));
  private static final Pattern ONE_PLUS_TANH = add(node("Tanh", any("u")), scalar(1));

  @Override
  public Set<String> roots() {
    return Set.of("Mul", "Div");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    if (graph.opset() < SINCE_OPSET) {
      return false;
    }
    Product product = Product.of(root.output(0), graph);
    if (product.factors().size() != 2 || !product.hasCoefficient(0.5)) {
      return false;
    }
    for (int i = 0; i < 2; i++) {
      String x = product.factors().get(i);
      String gate = product.factors().get(1 - i);
      String form = form(gate, x, graph);
      boolean sameRank = graph.rank(x) == graph.rank(root.output(0));
      if (form != null && sameRank) {
        graph.replace(
            root,
            new Node(
                root.name(),
                Domains.ONNX,
                "Gelu",
                List.of(x),
                List.of(root.output(0)),
                Map.of("approximate", Attribute.of(form))));
        return true;
      }
    }
    return false;
  }

  /** The approximation of which {@code gate} is a part, or null. */
  private static String form(String gate, String x, GraphEditor graph) {
    if (!graph.hasOneConsumer(gate)) {
      return null;
    }
    Match erf = Match.above(ONE_PLUS_ERF, gate, graph);
    if (erf != null && isInternal(erf.value("u"), graph)) {
      Product argument = Product.of(erf.value("u"), graph);
      boolean exact =
          argument.hasCoefficient(Math.sqrt(0.5)) && argument.factors().equals(List.of(x));
      return exact ? "none" : null;
    }
    Match tanh = Match.above(ONE_PLUS_TANH, gate, graph);
    return tanh != null && isTanhArgument(tanh.value("u"), x, graph) ? "tanh" : null;
  }

  /** sqrt(2 / pi) * (x + 0.044715 x^3) or sqrt(2 / pi) * x * (1 + 0.044715 x^2). */
  private static boolean isTanhArgument(String u, String x, GraphEditor graph) {
    if (!isInternal(u, graph)) {
      return false;
    }
    Product argument = Product.of(u, graph);
    if (!argument.hasCoefficient(Math.sqrt(2 / Math.PI))) {
      return false;
    }
    if (argument.factors().size() == 1) {
      Match sum = sum(argument.factors().get(0), any("term"), any("cube"), graph);
      return sum != null
          && (isPower(sum.value("cube"), x, 3, graph) && sum.value("term").equals(x)
              || isPower(sum.value("term"), x, 3, graph) && sum.value("cube").equals(x));
    }
    String rest = argument.otherThan(x);
    Match sum = rest == null ? null : sum(rest, scalar(1), any("square"), graph);
    return sum != null && isPower(sum.value("square"), x, 2, graph);
  }

  private static Match sum(String value, Pattern one, Pattern other, GraphEditor graph) {
    return graph.hasOneConsumer(value) ? Match.above(add(one, other), value, graph) : null;
  }

  private static boolean isPower(String value, String x, int exponent, GraphEditor graph) {
    if (!graph.hasOneConsumer(value)) {
      return false;
    }
    Product product = Product.of(value, graph);
    return product.hasCoefficient(CUBIC)
        && product.factors().size() == exponent
        && product.factors().stream().allMatch(x::equals);
  }

  /** Used by its erf or tanh alone, and that by the sum alone. */
  private static boolean isInternal(String u, GraphEditor graph) {
    List<Node> readers = graph.consumers(u);
    return graph.hasOneConsumer(u) && graph.hasOneConsumer(readers.get(0).output(0));
  }
}
