package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.Map;

/** Makes nodes of {@link FusedOperators#FAKE_QUANTIZE}, one for each value and kind. */
final class FakeQuantizes {
  static final Map<String, Attribute> DYNAMIC_TENSOR =
      Map.of("mode", Attribute.of("dynamic_tensor"));

  private FakeQuantizes() {}

  static Map<String, Attribute> fixed(float scale, long zeroPoint) {
    return Map.of(
        "mode",
        Attribute.of("static"),
        "scale",
        Attribute.of(scale),
        "zero_point",
        Attribute.of(zeroPoint));
  }

  /**
   * The quantized form of {@code x}: that of a node which is there already, or of a new one that is
   * added to {@code nodes}.
   */
  static String of(
      String x, Map<String, Attribute> attributes, List<Node> nodes, GraphEditor graph) {
    for (Node reader : graph.consumers(x)) {
      if (reader.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE)
          && reader.attributes().equals(attributes)) {
        return reader.output(0);
      }
    }
    String output = graph.freshValue(x + "/fake_quantized");
    graph.describe(output, DataType.FLOAT32, graph.shape(x));
    nodes.add(create(x, attributes, output, graph));
    return output;
  }

  static Node create(
      String x, Map<String, Attribute> attributes, String output, GraphEditor graph) {
    return new Node(
        graph.freshNode(x + "/FakeQuantize"),
        Domains.DEMITASSE,
        FusedOperators.FAKE_QUANTIZE,
        List.of(x),
        List.of(output),
        attributes);
  }

  /**
   * Attributes of a static quantization with these constants; null when they are none that UINT8
   * codes can stand for. Signed codes and their zero point are shifted by 128, which changes
   * nothing.
   *
   * @param codes type of the codes
   * @param zeroPoint "" for zero
   */
  static Map<String, Attribute> fixed(
      DataType codes, String scale, String zeroPoint, GraphEditor graph) {
    double step = Constants.scalar(graph.weight(scale));
    double zero = zeroPoint.isEmpty() ? 0 : Constants.scalar(graph.weight(zeroPoint));
    boolean valid =
        graph.type(scale) == DataType.FLOAT32
            && step > 0
            && step <= Float.MAX_VALUE
            && !Double.isNaN(zero)
            && (codes == DataType.INT8 || codes == DataType.UINT8);
    return valid ? fixed((float) step, (long) zero + (codes == DataType.INT8 ? 128 : 0)) : null;
  }

  /** The same parameter of two nodes: one value, or equal constants. */
  static boolean isSame(String a, String b, GraphEditor graph) {
    if (a.equals(b)) {
      return true;
    }
    boolean constants = graph.weight(a) != null && graph.weight(b) != null;
    return constants
        && graph.type(a) == graph.type(b)
        && Constants.scalar(graph.weight(a)) == Constants.scalar(graph.weight(b));
  }

  static String inputOrNone(Node node, int index) {
    return node.hasInput(index) ? node.input(index) : "";
  }
}
