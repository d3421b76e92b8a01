package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.tensor.DataType;
import java.util.List;

/** Thread-safe: conversions between element types. */
final class CastOperators {
  private CastOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of("Cast", c -> infer(c, target(c)), CastOperators::lower).since(6),
        OperatorRule.of("CastLike", c -> infer(c, c.inputType(1)), CastOperators::lower));
  }

  private static DataType target(InferenceContext context) {
    return DataType.ofOnnxCode((int) context.node().integer("to", 0));
  }

  private static void infer(InferenceContext context, DataType to) {
    DataType from = context.inputType(0);
    if (from != null && to != null && from != to) {
      requireCastable(context, from);
      requireCastable(context, to);
    }
    context.output(0, to, context.inputShape(0));
    List<Dimension> content = context.inputDimensions(0);
    if (content != null && from != null && to != null && survives(content, to)) {
      context.outputDimensions(0, content);
    }
  }

  private static void requireCastable(InferenceContext context, DataType type) {
    boolean castable =
        switch (type) {
          case STRING, COMPLEX64, COMPLEX128, FLOAT8E8M0 -> false;
          default -> true;
        };
    if (!castable) {
      throw Shapes.unsupported(context, "element type " + type);
    }
  }

  /** Sizes fit 32 bits and more; numbers are looked at. */
  private static boolean survives(List<Dimension> content, DataType to) {
    return switch (to) {
      case INT64 -> true;
      case INT32 -> content.stream().allMatch(d -> !d.isKnown() || d.size() == (int) d.size());
      case BOOL -> content.stream().allMatch(d -> d.is(0) || d.is(1));
      default -> false;
    };
  }

  private static NativeCall lower(InferenceContext context) {
    return NativeCall.of("Cast", 1, new long[] {context.node().integer("saturate", 1)});
  }
}
