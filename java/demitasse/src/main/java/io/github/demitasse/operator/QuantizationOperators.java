package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.NUMERIC;

import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.List;

/** Thread-safe: from real numbers to codes and back. */
final class QuantizationOperators {
  private QuantizationOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of(
            "QuantizeLinear",
            QuantizationOperators::inferQuantize,
            c -> call("QuantizeLinear", c, c.node().integer("saturate", 1))),
        OperatorRule.of(
            "DequantizeLinear",
            QuantizationOperators::inferDequantize,
            c -> call("DequantizeLinear", c)),
        OperatorRule.of(
            "DynamicQuantizeLinear",
            QuantizationOperators::inferDynamic,
            c -> NativeCall.of("DynamicQuantizeLinear", 1, new long[0])));
  }

  private static NativeCall call(String name, InferenceContext context, long... more) {
    Node node = context.node();
    long[] integers = new long[2 + more.length];
    integers[0] = node.integer("axis", 1);
    integers[1] = node.integer("block_size", 0);
    System.arraycopy(more, 0, integers, 2, more.length);
    return new NativeCall(
        name, List.of(0, 1, context.hasInput(2) ? 2 : -1), integers, new double[0], false);
  }

  private static void inferQuantize(InferenceContext context) {
    ElementTypes.require(context, 0, NUMERIC);
    long precision = context.node().integer("precision", 0);
    if (precision != 0 && precision != DataType.FLOAT32.onnxCode()) {
      throw Shapes.unsupported(context, "computing in " + DataType.ofOnnxCode((int) precision));
    }
    DataType type = givenType(context);
    if (type == null) {
      type = context.hasInput(2) ? context.inputType(2) : DataType.UINT8;
    }
    if (type != null && !isCode(type)) {
      throw Shapes.unsupported(context, "codes of type " + type);
    }
    context.output(0, type, context.inputShape(0));
  }

  private static void inferDequantize(InferenceContext context) {
    DataType codes = context.inputType(0);
    if (codes != null && !isCode(codes) && codes != DataType.INT32) {
      throw Shapes.unsupported(context, "codes of type " + codes);
    }
    DataType type = givenType(context);
    context.output(0, type == null ? context.inputType(1) : type, context.inputShape(0));
  }

  /** The attribute output_dtype; null when it is absent. */
  private static DataType givenType(InferenceContext context) {
    long code = context.node().integer("output_dtype", 0);
    return code == 0 ? null : DataType.ofOnnxCode((int) code);
  }

  private static boolean isCode(DataType type) {
    return switch (type) {
      case UINT8, INT8, UINT16, INT16, UINT4, INT4, UINT2, INT2 -> true;
      case FLOAT8E4M3FN, FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ, FLOAT4E2M1 -> true;
      default -> false;
    };
  }

  private static void inferDynamic(InferenceContext context) {
    ElementTypes.require(context, 0, DataType.FLOAT32::equals);
    Shape scalar = Shape.of(new long[0]);
    context.output(0, DataType.UINT8, context.inputShape(0));
    context.output(1, DataType.FLOAT32, scalar);
    context.output(2, DataType.UINT8, scalar);
  }
}
