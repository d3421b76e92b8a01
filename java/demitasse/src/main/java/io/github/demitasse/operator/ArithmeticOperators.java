package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.FLOATING;
import static io.github.demitasse.operator.ElementTypes.INTEGER;
import static io.github.demitasse.operator.ElementTypes.NUMERIC;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** Thread-safe: arithmetic on two and more tensors under broadcasting. */
final class ArithmeticOperators {
  /** The operator set that brought today's broadcasting. */
  static final int BROADCASTING = 7;

  private ArithmeticOperators() {}

  static List<Operator> all() {
    return List.of(
        binary("Add", NUMERIC, DimensionArithmetic::add),
        binary("Sub", NUMERIC, DimensionArithmetic::subtract),
        binary("Mul", NUMERIC, DimensionArithmetic::multiply),
        binary("Div", NUMERIC, DimensionArithmetic::divide),
        binary("Mod", NUMERIC, null, n -> new long[] {n.integer("fmod", 0)}),
        binary("BitwiseAnd", INTEGER, null),
        binary("BitwiseOr", INTEGER, null),
        binary("BitwiseXor", INTEGER, null),
        binary(
            "BitShift",
            INTEGER,
            null,
            n -> new long[] {n.text("direction", "").equals("LEFT") ? 1 : 0}),
        OperatorRule.of("PRelu", ArithmeticOperators::inferPRelu, c -> call("PRelu", 2))
            .since(BROADCASTING),
        OperatorRule.of("Pow", ArithmeticOperators::inferPow, c -> call("Pow", 2))
            .since(BROADCASTING),
        variadic("Sum", NUMERIC, DimensionArithmetic::add),
        variadic("Mean", FLOATING, null),
        variadic("Max", NUMERIC, (a, b) -> extreme(a, b, true)),
        variadic("Min", NUMERIC, (a, b) -> extreme(a, b, false)),
        OperatorRule.of("Clip", ArithmeticOperators::inferClip, ArithmeticOperators::lowerClip));
  }

  private static OperatorRule binary(
      String name, Predicate<DataType> types, BinaryOperator<Dimension> onDimensions) {
    return binary(name, types, onDimensions, node -> new long[0]);
  }

  private static OperatorRule binary(
      String name,
      Predicate<DataType> types,
      BinaryOperator<Dimension> onDimensions,
      Function<Node, long[]> parameters) {
    return OperatorRule.of(
            name,
            c -> infer(c, 2, types, onDimensions),
            c -> NativeCall.of(name, 2, parameters.apply(c.node())))
        .since(BROADCASTING);
  }

  private static OperatorRule variadic(
      String name, Predicate<DataType> types, BinaryOperator<Dimension> onDimensions) {
    return OperatorRule.of(
        name,
        c -> infer(c, c.node().inputs().size(), types, onDimensions),
        c -> call(name, c.node().inputs().size()));
  }

  private static NativeCall call(String name, int inputs) {
    return NativeCall.of(name, inputs, new long[0]);
  }

  private static void infer(
      InferenceContext context,
      int inputs,
      Predicate<DataType> types,
      BinaryOperator<Dimension> onDimensions) {
    ElementTypes.require(context, 0, types);
    int[] all = IntStream.range(0, inputs).toArray();
    Shape[] shapes = IntStream.of(all).mapToObj(context::inputShape).toArray(Shape[]::new);
    context.output(0, ElementTypes.common(context, all), Shapes.broadcast(shapes));
    List<Dimension> content = onDimensions == null ? null : context.inputDimensions(0);
    for (int i = 1; content != null && i < inputs; i++) {
      content = Contents.combine(content, context.inputDimensions(i), onDimensions);
    }
    Contents.state(context, content);
  }

  private static Dimension extreme(Dimension a, Dimension b, boolean largest) {
    if (a.isKnown() && b.isKnown()) {
      long value = largest ? Math.max(a.size(), b.size()) : Math.min(a.size(), b.size());
      return Dimension.of(value);
    }
    return a.equals(b) ? a : Dimension.unknown();
  }

  private static void inferPRelu(InferenceContext context) {
    ElementTypes.require(context, 0, NUMERIC);
    Shapes.broadcast(context.inputShape(0), context.inputShape(1));
    context.output(0, ElementTypes.common(context, 0, 1), context.inputShape(0));
  }

  private static void inferPow(InferenceContext context) {
    ElementTypes.require(context, 0, NUMERIC);
    ElementTypes.require(context, 1, NUMERIC);
    Shape shape = Shapes.broadcast(context.inputShape(0), context.inputShape(1));
    context.output(0, context.inputType(0), shape);
  }

  private static void inferClip(InferenceContext context) {
    ElementTypes.require(context, 0, NUMERIC);
    Arguments.sameAsInput(context);
  }

  private static NativeCall lowerClip(InferenceContext context) {
    Node node = context.node();
    boolean attributes =
        node.attributes().containsKey("min") || node.attributes().containsKey("max");
    return new NativeCall(
        "Clip",
        List.of(0, context.hasInput(1) ? 1 : -1, context.hasInput(2) ? 2 : -1),
        new long[0],
        attributes
            ? new double[] {
              node.number("min", Float.NEGATIVE_INFINITY),
              node.number("max", Float.POSITIVE_INFINITY)
            }
            : new double[0],
        false);
  }
}
