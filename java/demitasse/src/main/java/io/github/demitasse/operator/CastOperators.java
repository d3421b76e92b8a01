package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.tensor.DataType;
import java.util.List;

/**
 * Thread-safe: conversions between element types. In classes as {@link ArithmeticOperators} are.
 */
final class CastOperators {
  private CastOperators() {}

  static List<Operator> all() {
    return List.of(new Cast(), new CastLike());
  }

  private record Cast() implements Operator {
    @Override
    public String name() {
      return "Cast";
    }

    @Override
    public int sinceOpset() {
      return 6;
    }

    @Override
    public void infer(InferenceContext context) {
      int code = (int) context.node().integer("to", 0);
      CastOperators.infer(context, DataType.ofOnnxCode(code));
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      return CastOperators.lower(context);
    }
  }

  private record CastLike() implements Operator {
    @Override
    public String name() {
      return "CastLike";
    }

    @Override
    public void infer(InferenceContext context) {
      CastOperators.infer(context, context.inputType(1));
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      return CastOperators.lower(context);
    }
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
