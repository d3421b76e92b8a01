package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.NUMERIC;
import static io.github.demitasse.operator.ElementTypes.NUMERIC_OR_BOOL;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/** Thread-safe: reductions over axes, places of extremes, running sums and products. */
final class ReductionOperators {
  private ReductionOperators() {}

  static List<Operator> all() {
    return List.of(
        reduction("ReduceSum", NUMERIC, ReductionOperators::sum),
        reduction("ReduceProd", NUMERIC, DimensionArithmetic::product),
        reduction("ReduceMean", NUMERIC, null),
        reduction("ReduceMax", NUMERIC_OR_BOOL, null),
        reduction("ReduceMin", NUMERIC_OR_BOOL, null),
        reduction("ReduceL1", NUMERIC, null),
        reduction("ReduceL2", NUMERIC, null),
        reduction("ReduceSumSquare", NUMERIC, null),
        reduction("ReduceLogSum", NUMERIC, null),
        reduction("ReduceLogSumExp", NUMERIC, null),
        OperatorRule.of("ArgMax", ReductionOperators::inferPlace, c -> lowerPlace("ArgMax", c)),
        OperatorRule.of("ArgMin", ReductionOperators::inferPlace, c -> lowerPlace("ArgMin", c)),
        scan("CumSum"),
        scan("CumProd"));
  }

  private static OperatorRule reduction(
      String name, Predicate<DataType> types, Function<List<Dimension>, Dimension> onDimensions) {
    return OperatorRule.of(
        name, c -> infer(c, types, onDimensions), c -> NativeCall.of(name, 1, lowerAxes(c)));
  }

  private static Dimension sum(List<Dimension> dimensions) {
    return dimensions.stream().reduce(Dimension.of(0), DimensionArithmetic::add);
  }

  private static boolean keepsAxes(InferenceContext context) {
    return context.node().integer("keepdims", 1) != 0;
  }

  /** The axes to reduce; given none, all of them or, where the node says so, really none. */
  private static int[] axes(Node node, long[] given, int rank) {
    if (given != null && given.length > 0) {
      return Shapes.axes(given, rank);
    }
    return node.integer("noop_with_empty_axes", 0) != 0 ? new int[0] : Shapes.allAxes(rank);
  }

  private static void infer(
      InferenceContext context,
      Predicate<DataType> types,
      Function<List<Dimension>, Dimension> onDimensions) {
    ElementTypes.require(context, 0, types);
    Shape shape = context.inputShape(0);
    long[] given = Shapes.integers(context, "axes", 1);
    boolean axesFromData = given == null && Shapes.isGiven(context, "axes", 1);
    if (shape == null || axesFromData) {
      boolean rankStays = shape != null && keepsAxes(context);
      context.output(0, context.inputType(0), rankStays ? Shapes.unknown(shape.rank()) : null);
      return;
    }
    int[] axes = axes(context.node(), given, shape.rank());
    context.output(0, context.inputType(0), Shapes.reduced(shape, axes, keepsAxes(context)));
    List<Dimension> content = context.inputDimensions(0);
    if (onDimensions != null && content != null && shape.rank() == 1 && axes.length == 1) {
      Contents.state(context, List.of(onDimensions.apply(content)));
    }
  }

  private static long[] lowerAxes(InferenceContext context) {
    long[] given = Shapes.knownIntegers(context, "axes", 1);
    int rank = Arguments.sizes(context, 0).length;
    return Arrays.stream(axes(context.node(), given, rank)).asLongStream().toArray();
  }

  private static void inferPlace(InferenceContext context) {
    ElementTypes.require(context, 0, NUMERIC);
    Shape shape = context.inputShape(0);
    Shape reduced = null;
    if (shape != null) {
      int axis = Shapes.axis(context.node().integer("axis", 0), shape.rank());
      reduced = Shapes.reduced(shape, new int[] {axis}, keepsAxes(context));
    }
    context.output(0, DataType.INT64, reduced);
  }

  private static NativeCall lowerPlace(String name, InferenceContext context) {
    Node node = context.node();
    return NativeCall.of(
        name, 1, new long[] {node.integer("axis", 0), node.integer("select_last_index", 0)});
  }

  private static OperatorRule scan(String name) {
    return OperatorRule.of(
        name,
        c -> {
          ElementTypes.require(c, 0, NUMERIC);
          Arguments.sameAsInput(c);
        },
        c -> {
          Node node = c.node();
          return NativeCall.of(
              name, 2, new long[] {node.integer("exclusive", 0), node.integer("reverse", 0)});
        });
  }
}
