package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.BOOL;
import static io.github.demitasse.operator.ElementTypes.NUMERIC;
import static io.github.demitasse.operator.ElementTypes.NUMERIC_OR_BOOL;
import static io.github.demitasse.operator.ElementTypes.WHOLE_BYTES;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** Thread-safe: comparisons, logic and selection under broadcasting. */
final class ComparisonOperators {
  private ComparisonOperators() {}

  private interface LongTest {
    boolean test(long a, long b);
  }

  static List<Operator> all() {
    return List.of(
        comparison("Equal", NUMERIC_OR_BOOL, Contents::equal),
        comparison("Less", NUMERIC, ifKnown((a, b) -> a < b)),
        comparison("LessOrEqual", NUMERIC, ifKnown((a, b) -> a <= b)),
        comparison("Greater", NUMERIC, ifKnown((a, b) -> a > b)),
        comparison("GreaterOrEqual", NUMERIC, ifKnown((a, b) -> a >= b)),
        comparison("And", BOOL, ifKnown((a, b) -> a != 0 && b != 0)),
        comparison("Or", BOOL, ifKnown((a, b) -> a != 0 || b != 0)),
        comparison("Xor", BOOL, ifKnown((a, b) -> (a != 0) != (b != 0))),
        OperatorRule.of("Not", ComparisonOperators::inferNot, c -> call("Not", 1)),
        OperatorRule.of("Where", ComparisonOperators::inferWhere, c -> call("Where", 3)));
  }

  private static OperatorRule comparison(
      String name, Predicate<DataType> types, BinaryOperator<Dimension> onDimensions) {
    return OperatorRule.of(name, c -> infer(c, types, onDimensions), c -> call(name, 2))
        .since(ArithmeticOperators.BROADCASTING);
  }

  private static NativeCall call(String name, int inputs) {
    return NativeCall.of(name, inputs, new long[0]);
  }

  private static BinaryOperator<Dimension> ifKnown(LongTest test) {
    return (a, b) ->
        a.isKnown() && b.isKnown()
            ? Dimension.of(test.test(a.size(), b.size()) ? 1 : 0)
            : Dimension.unknown();
  }

  private static void infer(
      InferenceContext context, Predicate<DataType> types, BinaryOperator<Dimension> onDimensions) {
    ElementTypes.require(context, 0, types);
    ElementTypes.common(context, 0, 1);
    Shape shape = Shapes.broadcast(context.inputShape(0), context.inputShape(1));
    context.output(0, DataType.BOOL, shape);
    Contents.state(
        context,
        Contents.combine(context.inputDimensions(0), context.inputDimensions(1), onDimensions));
  }

  private static void inferNot(InferenceContext context) {
    ElementTypes.require(context, 0, BOOL);
    Arguments.sameAsInput(context);
    List<Dimension> content = context.inputDimensions(0);
    Contents.state(context, Contents.combine(content, content, ifKnown((a, b) -> a == 0)));
  }

  private static void inferWhere(InferenceContext context) {
    ElementTypes.require(context, 0, BOOL);
    ElementTypes.require(context, 1, WHOLE_BYTES);
    Shape shape =
        Shapes.broadcast(context.inputShape(0), context.inputShape(1), context.inputShape(2));
    context.output(0, ElementTypes.common(context, 1, 2), shape);
    if (shape == null || shape.rank() > 1 || !shape.isKnown()) {
      return;
    }
    List<Dimension> condition = context.inputDimensions(0);
    List<Dimension> a = context.inputDimensions(1);
    List<Dimension> b = context.inputDimensions(2);
    if (condition != null && a != null && b != null) {
      int size = Math.toIntExact(shape.elements());
      context.outputDimensions(
          0,
          IntStream.range(0, size)
              .mapToObj(
                  i -> choose(Contents.at(condition, i), Contents.at(a, i), Contents.at(b, i)))
              .toList());
    }
  }

  private static Dimension choose(Dimension condition, Dimension a, Dimension b) {
    if (condition.isKnown()) {
      return condition.is(0) ? b : a;
    }
    return a.equals(b) ? a : Dimension.unknown();
  }
}
