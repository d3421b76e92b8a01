package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.FLOATING;
import static io.github.demitasse.operator.ElementTypes.INTEGER;
import static io.github.demitasse.operator.ElementTypes.NUMERIC;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.List;
import java.util.function.BinaryOperator;

/**
 * Thread-safe: arithmetic on two and more tensors under broadcasting. In classes, not lambdas:
 * every transformer needs some of these, and linking one lambda takes a cold JVM half a
 * millisecond.
 */
final class ArithmeticOperators {
  /** The operator set that brought today's broadcasting. */
  static final int BROADCASTING = 7;

  private static final long[] NONE = {};

  private ArithmeticOperators() {}

  static List<Operator> all() {
    return List.of(
        new Binary("Add", NUMERIC, OnSizes.ADD),
        new Binary("Sub", NUMERIC, OnSizes.SUBTRACT),
        new Binary("Mul", NUMERIC, OnSizes.MULTIPLY),
        new Binary("Div", NUMERIC, OnSizes.DIVIDE),
        new Binary("Mod", NUMERIC, null),
        new Binary("BitwiseAnd", INTEGER, null),
        new Binary("BitwiseOr", INTEGER, null),
        new Binary("BitwiseXor", INTEGER, null),
        new Binary("BitShift", INTEGER, null),
        new PRelu(),
        new Pow(),
        new Variadic("Sum", NUMERIC, OnSizes.ADD),
        new Variadic("Mean", FLOATING, null),
        new Variadic("Max", NUMERIC, OnSizes.LARGEST),
        new Variadic("Min", NUMERIC, OnSizes.SMALLEST),
        new Clip());
  }

  /** What an operator does to the content of shape computations. */
  private enum OnSizes implements BinaryOperator<Dimension> {
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    LARGEST,
    SMALLEST;

    @Override
    public Dimension apply(Dimension a, Dimension b) {
      return switch (this) {
        case ADD -> DimensionArithmetic.add(a, b);
        case SUBTRACT -> DimensionArithmetic.subtract(a, b);
        case MULTIPLY -> DimensionArithmetic.multiply(a, b);
        case DIVIDE -> DimensionArithmetic.divide(a, b);
        case LARGEST -> extreme(a, b, true);
        case SMALLEST -> extreme(a, b, false);
      };
    }

    private static Dimension extreme(Dimension a, Dimension b, boolean largest) {
      if (a.isKnown() && b.isKnown()) {
        long value = largest ? Math.max(a.size(), b.size()) : Math.min(a.size(), b.size());
        return Dimension.of(value);
      }
      return a.equals(b) ? a : Dimension.unknown();
    }
  }

  /**
   * @param onSizes null: the content of the result is not known
   */
  private record Binary(String name, ElementTypes types, OnSizes onSizes) implements Operator {
    @Override
    public int sinceOpset() {
      return BROADCASTING;
    }

    @Override
    public void infer(InferenceContext context) {
      ArithmeticOperators.infer(context, 2, types, onSizes);
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      return NativeCall.of(name, 2, parameters(context.node()));
    }

    private long[] parameters(Node node) {
      return switch (name) {
        case "Mod" -> new long[] {node.integer("fmod", 0)};
        case "BitShift" -> new long[] {node.text("direction", "").equals("LEFT") ? 1 : 0};
        default -> NONE;
      };
    }
  }

  private record Variadic(String name, ElementTypes types, OnSizes onSizes) implements Operator {
    @Override
    public void infer(InferenceContext context) {
      ArithmeticOperators.infer(context, context.node().inputs().size(), types, onSizes);
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      return NativeCall.of(name, context.node().inputs().size(), NONE);
    }
  }

  private static void infer(
      InferenceContext context, int inputs, ElementTypes types, OnSizes onSizes) {
    ElementTypes.require(context, 0, types);
    int[] all = new int[inputs];
    Shape[] shapes = new Shape[inputs];
    for (int i = 0; i < inputs; i++) {
      all[i] = i;
      shapes[i] = context.inputShape(i);
    }
    context.output(0, ElementTypes.common(context, all), Shapes.broadcast(shapes));
    List<Dimension> content = onSizes == null ? null : context.inputDimensions(0);
    for (int i = 1; content != null && i < inputs; i++) {
      content = Contents.combine(content, context.inputDimensions(i), onSizes);
    }
    Contents.state(context, content);
  }

  private record PRelu() implements Operator {
    @Override
    public String name() {
      return "PRelu";
    }

    @Override
    public int sinceOpset() {
      return BROADCASTING;
    }

    @Override
    public void infer(InferenceContext context) {
      ElementTypes.require(context, 0, NUMERIC);
      Shapes.broadcast(context.inputShape(0), context.inputShape(1));
      context.output(0, ElementTypes.common(context, 0, 1), context.inputShape(0));
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      return NativeCall.of("PRelu", 2, NONE);
    }
  }

  private record Pow() implements Operator {
    @Override
    public String name() {
      return "Pow";
    }

    @Override
    public int sinceOpset() {
      return BROADCASTING;
    }

    @Override
    public void infer(InferenceContext context) {
      ElementTypes.require(context, 0, NUMERIC);
      ElementTypes.require(context, 1, NUMERIC);
      Shape shape = Shapes.broadcast(context.inputShape(0), context.inputShape(1));
      context.output(0, context.inputType(0), shape);
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      return NativeCall.of("Pow", 2, NONE);
    }
  }

  private record Clip() implements Operator {
    @Override
    public String name() {
      return "Clip";
    }

    @Override
    public void infer(InferenceContext context) {
      ElementTypes.require(context, 0, NUMERIC);
      Arguments.sameAsInput(context);
    }

    @Override
    public NativeCall lower(InferenceContext context) {
      Node node = context.node();
      boolean attributes =
          node.attributes().containsKey("min") || node.attributes().containsKey("max");
      return new NativeCall(
          "Clip",
          List.of(0, context.hasInput(1) ? 1 : -1, context.hasInput(2) ? 2 : -1),
          NONE,
          attributes
              ? new double[] {
                node.number("min", Float.NEGATIVE_INFINITY),
                node.number("max", Float.POSITIVE_INFINITY)
              }
              : new double[0],
          false);
    }
  }
}
