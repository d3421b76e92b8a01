package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Thread-safe: maxima, means and norms of sliding windows and of whole channels. */
final class PoolingOperators {
  private PoolingOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of(
            "MaxPool",
            PoolingOperators::inferMaxPool,
            c -> lower(c, "MaxPool", c.node().integer("storage_order", 0))),
        OperatorRule.of(
            "AveragePool",
            PoolingOperators::infer,
            c -> lower(c, "AveragePool", c.node().integer("count_include_pad", 0))),
        OperatorRule.of("LpPool", PoolingOperators::infer, c -> lower(c, "LpPool", power(c)))
            .since(2),
        OperatorRule.of(
            "GlobalMaxPool",
            PoolingOperators::inferGlobal,
            c -> NativeCall.of("GlobalMaxPool", 1, new long[0])),
        OperatorRule.of(
            "GlobalAveragePool",
            PoolingOperators::inferGlobal,
            c -> NativeCall.of("GlobalAveragePool", 1, new long[0])),
        OperatorRule.of(
                "GlobalLpPool",
                PoolingOperators::inferGlobal,
                c -> NativeCall.of("GlobalLpPool", 1, new long[] {power(c)}))
            .since(2));
  }

  private static long power(InferenceContext context) {
    long power = context.node().integer("p", 2);
    Arguments.require(power >= 1, "p is " + power);
    return power;
  }

  private static WindowRule window(InferenceContext context, Shape shape) {
    Arguments.require(shape.rank() >= 3, "needs [N, C, ...], given " + shape);
    return WindowRule.ofPooling(context.node(), shape.rank() - 2);
  }

  private static Shape result(InferenceContext context) {
    Shape shape = context.inputShape(0);
    if (shape == null) {
      return null;
    }
    List<Dimension> sizes = new ArrayList<>(shape.dimensions().subList(0, 2));
    sizes.addAll(window(context, shape).outputs(shape));
    return new Shape(sizes);
  }

  private static void infer(InferenceContext context) {
    context.output(0, context.inputType(0), result(context));
  }

  private static void inferMaxPool(InferenceContext context) {
    Shape result = result(context);
    context.output(0, context.inputType(0), result);
    context.output(1, DataType.INT64, result);
  }

  private static NativeCall lower(InferenceContext context, String operator, long first) {
    WindowRule window = window(context, context.inputShape(0));
    long[] in = Arguments.sizes(context, 0);
    long[] lowered = window.loweredWithKernel(in, Arguments.outputSizes(context, 0));
    long[] integers = new long[lowered.length + 1];
    integers[0] = first;
    System.arraycopy(lowered, 0, integers, 1, lowered.length);
    return NativeCall.of(operator, 1, integers);
  }

  private static void inferGlobal(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape result = null;
    if (shape != null) {
      Arguments.require(shape.rank() >= 2, "needs [N, C, ...], given " + shape);
      List<Dimension> sizes = new ArrayList<>(shape.dimensions().subList(0, 2));
      sizes.addAll(Collections.nCopies(shape.rank() - 2, Dimension.of(1)));
      result = new Shape(sizes);
    }
    context.output(0, context.inputType(0), result);
  }
}
