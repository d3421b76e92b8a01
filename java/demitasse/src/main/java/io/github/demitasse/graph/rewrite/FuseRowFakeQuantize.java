package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.Pattern.any;
import static io.github.demitasse.graph.rewrite.Pattern.either;
import static io.github.demitasse.graph.rewrite.Pattern.node;
import static io.github.demitasse.graph.rewrite.Pattern.scalar;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.rewrite.Pattern.Operation;
import io.github.demitasse.tensor.DataType;
import java.util.Map;
import java.util.Set;

/**
 * Quantization of each row of a matrix with a scale and zero point computed from its range, as
 * {@link ExpandFusedOperators} writes it, becomes FakeQuantize again.
 */
final class FuseRowFakeQuantize implements Rewrite {
  private static final Pattern LOW =
      either("Min", node("ReduceMin", any("x"), any("low axes")).as("low"), scalar(0));

  private static final Pattern HIGH =
      either("Max", node("ReduceMax", any("x"), any("high axes")).as("high"), scalar(0));

  private static final Pattern STEP = node("Div", node("Sub", HIGH, LOW), scalar(255));

  private static final Pattern SCALE =
      node("Where", node("Equal", STEP, scalar(0)), scalar(1), STEP);

  private static final Pattern EXACT = node("Div", node("Neg", LOW), SCALE);

  private static final Pattern ZERO_POINT =
      node("Cast", node("Round", node("Clip", EXACT, scalar(0), scalar(255)))).as("type");

  private static final Operation ROUND_TRIP =
      node(
          "DequantizeLinear",
          node("QuantizeLinear", any("x"), SCALE, ZERO_POINT).as("quantize"),
          SCALE,
          ZERO_POINT);

  @Override
  public Set<String> roots() {
    return Set.of("DequantizeLinear");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Match match = Match.of(ROUND_TRIP, root, graph);
    boolean perRow =
        match != null
            && root.integer("axis", 1) == 0
            && match.node("quantize").integer("axis", 1) == 0
            && match.node("type").integer("to", 0) == DataType.UINT8.onnxCode()
            && isOfRows(match.node("low"), graph)
            && isOfRows(match.node("high"), graph)
            && graph.type(match.value("x")) == DataType.FLOAT32;
    if (!perRow) {
      return false;
    }
    Map<String, Attribute> attributes = Map.of("mode", Attribute.of("dynamic_row"));
    graph.replace(root, FakeQuantizes.create(match.value("x"), attributes, root.output(0), graph));
    return true;
  }

  private static boolean isOfRows(Node reduction, GraphEditor graph) {
    return graph.rank(reduction.input(0)) == 2
        && Reductions.isOver(1, reduction, graph)
        && !Reductions.keepsDimensions(reduction);
  }
}
