package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.Pattern.add;
import static io.github.demitasse.graph.rewrite.Pattern.any;
import static io.github.demitasse.graph.rewrite.Pattern.node;
import static io.github.demitasse.graph.rewrite.Pattern.scalar;

import io.github.demitasse.graph.Node;
import java.util.List;
import java.util.Set;

/** x * clip(x + 3, 0, 6) / 6 and x * HardSigmoid(x) with slope 1/6 become ONNX's HardSwish. */
final class FuseHardSwish implements Rewrite {
  private static final int SINCE_OPSET = 14;

  private static final Pattern CLIPPED =
      node("Clip", add(any("x"), scalar(3)), scalar(0), scalar(6));

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
    if (product.factors().size() != 2) {
      return false;
    }
    for (int i = 0; i < 2; i++) {
      String x = product.factors().get(i);
      String gate = product.factors().get(1 - i);
      boolean found =
          isClip(gate, x, graph) && product.hasCoefficient(1.0 / 6)
              || isHardSigmoid(gate, x, graph) && product.hasCoefficient(1);
      if (found && graph.rank(x) == graph.rank(root.output(0))) {
        graph.replace(root, Node.of(root.name(), "HardSwish", List.of(x), List.of(root.output(0))));
        return true;
      }
    }
    return false;
  }

  private static boolean isClip(String gate, String x, GraphEditor graph) {
    Match match = Match.above(CLIPPED, gate, graph);
    return match != null
        && match.value("x").equals(x)
        && graph.hasOneConsumer(gate)
        && graph.hasOneConsumer(graph.producer(gate).input(0));
  }

  private static boolean isHardSigmoid(String gate, String x, GraphEditor graph) {
    Node sigmoid = graph.producer(gate, "HardSigmoid");
    return sigmoid != null
        && sigmoid.input(0).equals(x)
        && graph.hasOneConsumer(gate)
        && Math.abs(sigmoid.number("alpha", 0.2f) - 1.0 / 6) < 1e-6
        && sigmoid.number("beta", 0.5f) == 0.5f;
  }
}
