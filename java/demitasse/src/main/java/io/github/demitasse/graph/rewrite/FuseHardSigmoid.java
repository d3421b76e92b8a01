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

/** clip(x + 3, 0, 6) / 6, whatever computes the sixth, becomes ONNX's HardSigmoid. */
final class FuseHardSigmoid implements Rewrite {
  private static final Pattern CLIPPED =
      node("Clip", add(any("x"), scalar(3)), scalar(0), scalar(6));

  @Override
  public Set<String> roots() {
    return Set.of("Mul", "Div");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Product product = Product.of(root.output(0), graph);
    if (product.factors().size() != 1 || !product.hasCoefficient(1.0 / 6)) {
      return false;
    }
    String clipped = product.factors().get(0);
    Match match = Match.above(CLIPPED, clipped, graph);
    boolean found =
        match != null
            && graph.hasOneConsumer(clipped)
            && graph.hasOneConsumer(graph.producer(clipped).input(0))
            && graph.rank(match.value("x")) == graph.rank(root.output(0));
    if (!found) {
      return false;
    }
    graph.replace(
        root,
        new Node(
            root.name(),
            Domains.ONNX,
            "HardSigmoid",
            List.of(match.value("x")),
            List.of(root.output(0)),
            Map.of("alpha", Attribute.of(1f / 6), "beta", Attribute.of(0.5f))));
    return true;
  }
}
