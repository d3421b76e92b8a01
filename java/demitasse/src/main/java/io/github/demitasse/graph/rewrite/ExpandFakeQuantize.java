package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.Map;

/** Says FakeQuantize with ONNX's quantization operators. */
final class ExpandFakeQuantize {
  private ExpandFakeQuantize() {}

  static void add(Node node, Expansion.Scope scope) {
    String x = node.input(0);
    String result = node.output(0);
    switch (node.text("mode", "")) {
      case "dynamic_tensor" -> dynamicTensor(x, result, scope);
      case "dynamic_row" -> dynamicRow(x, result, scope);
      case "static" ->
          roundTrip(
              x,
              scope.scalar(node.number("scale", 1)),
              scope.byteScalar((int) node.integer("zero_point", 0)),
              Map.of(),
              result,
              scope);
      default ->
          throw new IllegalArgumentException(
              "node '"
                  + node.name()
                  + "' has no quantization mode '"
                  + node.text("mode", "")
                  + "'");
    }
  }

  private static void dynamicTensor(String x, String result, Expansion.Scope scope) {
    String codes = scope.result("codes");
    String scale = scope.result("scale");
    String zeroPoint = scope.result("zero_point");
    scope.nodeTo(List.of(codes, scale, zeroPoint), "DynamicQuantizeLinear", Map.of(), x);
    scope.nodeTo(result, "DequantizeLinear", Map.of(), codes, scale, zeroPoint);
  }

  /** Scale and zero point of each row by the formula of DynamicQuantizeLinear. */
  private static void dynamicRow(String x, String result, Expansion.Scope scope) {
    Map<String, Attribute> dropped = Map.of("keepdims", Attribute.of(0));
    String zero = scope.scalar(0f);
    String columns = scope.integers(1);
    String rows = scope.node("Flatten", Map.of("axis", Attribute.of(-1)), x);
    String low = scope.node("Min", scope.node("ReduceMin", dropped, rows, columns), zero);
    String high = scope.node("Max", scope.node("ReduceMax", dropped, rows, columns), zero);
    String range = scope.node("Sub", high, low);
    String step = scope.node("Div", range, scope.scalar(255f));
    String flat = scope.node("Equal", step, zero);
    String scale = scope.node("Where", flat, scope.scalar(1f), step);
    String exact = scope.node("Div", scope.node("Neg", low), scale);
    String bounded = scope.node("Clip", exact, zero, scope.scalar(255f));
    String zeroPoint =
        scope.node(
            "Cast",
            Map.of("to", Attribute.of(DataType.UINT8.onnxCode())),
            scope.node("Round", bounded));
    String matrix = scope.result("rows");
    roundTrip(rows, scale, zeroPoint, Map.of("axis", Attribute.of(0)), matrix, scope);
    scope.nodeTo(result, "Reshape", Map.of(), matrix, scope.node("Shape", x));
  }

  private static void roundTrip(
      String x,
      String scale,
      String zeroPoint,
      Map<String, Attribute> attributes,
      String result,
      Expansion.Scope scope) {
    String codes = scope.node("QuantizeLinear", attributes, x, scale, zeroPoint);
    scope.nodeTo(result, "DequantizeLinear", attributes, codes, scale, zeroPoint);
  }
}
