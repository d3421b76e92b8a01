package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.Pattern.add;
import static io.github.demitasse.graph.rewrite.Pattern.any;
import static io.github.demitasse.graph.rewrite.Pattern.multiply;
import static io.github.demitasse.graph.rewrite.Pattern.node;
import static io.github.demitasse.graph.rewrite.Pattern.oneOf;
import static io.github.demitasse.graph.rewrite.Pattern.scalar;
import static io.github.demitasse.graph.rewrite.Pattern.weight;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.rewrite.Pattern.Operation;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Layer normalization over the last axis, spelled out by exporters as (x - mean) / sqrt(mean((x -
 * mean)^2) + epsilon) * gamma + beta, becomes ONNX's LayerNormalization.
 */
final class FuseLayerNormalization implements Rewrite {
  private static final int SINCE_OPSET = 17;

  private static final Pattern MEAN = mean(any("x"), "mean");

  private static final Operation CENTERED = node("Sub", any("x"), MEAN);

  private static final Pattern VARIANCE =
      mean(oneOf(node("Pow", CENTERED, scalar(2)), node("Mul", CENTERED, CENTERED)), "variance");

  private static final Operation DEVIATION = node("Sqrt", add(VARIANCE, scalar("epsilon")));

  private static final Pattern INVERSE =
      oneOf(node("Reciprocal", DEVIATION), node("Div", scalar(1), DEVIATION));

  private static final Pattern NORMALIZED =
      oneOf(node("Div", CENTERED, DEVIATION), multiply(CENTERED, INVERSE));

  private static final Operation SCALED = multiply(NORMALIZED, weight("gamma"));

  private static final Operation SHIFTED = add(SCALED, weight("beta"));

  /** As Keras has it: x * factor + (beta - mean * factor), factor = gamma / deviation. */
  private static final Operation FACTOR = multiply(INVERSE, weight("gamma"));

  private static final Operation REARRANGED =
      add(multiply(any("x"), FACTOR), node("Sub", weight("beta"), multiply(MEAN, FACTOR)));

  /** The axes are an attribute before operator set 18. */
  private static Pattern mean(Pattern input, String capture) {
    return oneOf(
        node("ReduceMean", input, any(capture + " axes")).as(capture),
        node("ReduceMean", input).as(capture));
  }

  @Override
  public Set<String> roots() {
    return Set.of("Add", "Mul");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    if (graph.opset() < SINCE_OPSET) {
      return false;
    }
    Match match = Match.of(root.is("Add") ? SHIFTED : SCALED, root, graph);
    if (match == null && root.is("Add")) {
      match = Match.of(REARRANGED, root, graph);
    }
    if (match == null || !isOverLastAxis(match, graph)) {
      return false;
    }
    boolean shifted = root.is("Add");
    if (!shifted && isShiftedLater(root, graph)) {
      return false;
    }
    String x = match.value("x");
    String gamma = match.value("gamma");
    String beta = shifted ? match.value("beta") : "";
    if (!fits(gamma, x, graph) || shifted && !fits(beta, x, graph)) {
      return false;
    }
    graph.replace(
        root,
        new Node(
            graph.freshNode(LayerNames.layer(gamma, beta, root.name()), root),
            Domains.ONNX,
            "LayerNormalization",
            shifted ? List.of(x, gamma, beta) : List.of(x, gamma),
            List.of(root.output(0)),
            Map.of(
                "axis",
                Attribute.of(-1),
                "epsilon",
                Attribute.of((float) match.scalar("epsilon")))));
    return true;
  }

  private static boolean isOverLastAxis(Match match, GraphEditor graph) {
    return match.scalar("epsilon") >= 0
        && Reductions.isOverLastKept(match.node("mean"), graph)
        && Reductions.isOverLastKept(match.node("variance"), graph);
  }

  /** The pattern with beta is the better one; it is found at the Add. */
  private static boolean isShiftedLater(Node scaled, GraphEditor graph) {
    List<Node> readers = graph.consumers(scaled.output(0));
    return readers.size() == 1
        && readers.get(0).is("Add")
        && readers.get(0).inputs().stream().anyMatch(input -> graph.weight(input) != null)
        && !graph.isKept(scaled.output(0));
  }

  /** One FLOAT32 number for each element of the normalized axis. */
  private static boolean fits(String parameter, String x, GraphEditor graph) {
    Weight weight = graph.weight(parameter);
    Shape shape = graph.shape(x);
    return weight.type() == DataType.FLOAT32
        && weight.shape().length == 1
        && shape != null
        && shape.rank() > 0
        && shape.dimension(-1).is(weight.shape()[0]);
  }
}
