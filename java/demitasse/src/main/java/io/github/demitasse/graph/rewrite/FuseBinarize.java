package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.Pattern.add;
import static io.github.demitasse.graph.rewrite.Pattern.any;
import static io.github.demitasse.graph.rewrite.Pattern.multiply;
import static io.github.demitasse.graph.rewrite.Pattern.node;
import static io.github.demitasse.graph.rewrite.Pattern.scalar;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The signs that networks with binary activations are trained for become Binarize: {@code where(x
 * >= 0, 1, -1)} or {@code 2 cast(x >= 0) - 1}. ONNX's Sign is another function: it has a zero.
 */
final class FuseBinarize implements Rewrite {
  private static final Pattern POSITIVE = node("GreaterOrEqual", any("x"), scalar(0));
  private static final Pattern DOUBLED = multiply(node("Cast", POSITIVE), scalar(2));
  private static final List<Pattern.Operation> FORMS =
      List.of(
          node("Where", POSITIVE, scalar(1), scalar(-1)),
          node("Sub", DOUBLED, scalar(1)),
          add(DOUBLED, scalar(-1)));

  @Override
  public Set<String> roots() {
    return Set.of("Where", "Sub", "Add");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    for (Pattern.Operation form : FORMS) {
      Match match = Match.of(form, root, graph);
      if (match != null && isFloat(match.value("x"), root.output(0), graph)) {
        graph.replace(
            root,
            new Node(
                root.name(),
                Domains.DEMITASSE,
                FusedOperators.BINARIZE,
                List.of(match.value("x")),
                List.of(root.output(0)),
                Map.of()));
        return true;
      }
    }
    return false;
  }

  private static boolean isFloat(String x, String result, GraphEditor graph) {
    return graph.type(x) == DataType.FLOAT32
        && graph.type(result) == DataType.FLOAT32
        && graph.rank(x) == graph.rank(result);
  }
}
