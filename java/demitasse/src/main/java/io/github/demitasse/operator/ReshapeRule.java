package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** Thread-safe: the shape that Reshape gives, also where sizes are symbols. */
final class ReshapeRule {
  private ReshapeRule() {}

  static void infer(InferenceContext context) {
    Shape input = context.inputShape(0);
    List<Dimension> wanted = context.inputDimensions(1);
    Shape result;
    if (wanted == null) {
      result = Arguments.shapeOfForm(context.inputShape(1));
    } else {
      boolean zeroCopies = context.node().integer("allowzero", 0) == 0;
      result = resolve(input, wanted, zeroCopies);
    }
    context.output(0, context.inputType(0), result);
    forwardContent(context);
  }

  private static Shape resolve(Shape input, List<Dimension> wanted, boolean zeroCopies) {
    List<Dimension> sizes = new ArrayList<>(wanted);
    int open = -1; // the one dimension that follows from the others
    for (int axis = 0; axis < sizes.size(); axis++) {
      Dimension size = sizes.get(axis);
      if (size.is(-1)) {
        Arguments.require(open < 0, "a shape may have one -1: " + wanted);
        open = axis;
      } else if (size.is(0) && zeroCopies) {
        boolean exists = input == null || axis < input.rank();
        Arguments.require(exists, "the 0 on axis " + axis + " of " + wanted + " copies nothing");
        sizes.set(axis, input == null ? Dimension.unknown() : input.dimension(axis));
      }
    }
    if (open < 0) {
      open = onlyUnknown(sizes);
    }
    if (open >= 0) {
      sizes.set(open, remaining(input, sizes, open, wanted));
    }
    Shape result = new Shape(sizes);
    if (input != null && input.isKnown() && result.isKnown()) {
      Arguments.require(
          input.elements() == result.elements(), "cannot reshape " + input + " to " + wanted);
    }
    return result;
  }

  /** The axis of the only unknown size; -1 when there is none or there are several. */
  private static int onlyUnknown(List<Dimension> sizes) {
    int only = sizes.indexOf(Dimension.unknown());
    return only == sizes.lastIndexOf(Dimension.unknown()) ? only : -1;
  }

  private static Dimension remaining(
      Shape input, List<Dimension> sizes, int open, List<Dimension> wanted) {
    if (input == null) {
      return Dimension.unknown();
    }
    List<Dimension> others = new ArrayList<>(sizes);
    others.remove(open);
    Dimension rest = DimensionArithmetic.product(others);
    if (rest.is(0)) {
      return Dimension.of(0);
    }
    try {
      return DimensionArithmetic.divideExactly(
          DimensionArithmetic.product(input.dimensions()), rest);
    } catch (IllegalArgumentException remainder) {
      throw new IllegalArgumentException("cannot reshape " + input + " to " + wanted, remainder);
    }
  }

  /** The output holds the same integers as the input, if those are known and its rank allows. */
  static void forwardContent(InferenceContext context) {
    Shape shape = context.outputShape(0);
    List<Dimension> content = context.inputDimensions(0);
    if (content != null && shape != null && shape.rank() <= 1) {
      context.outputDimensions(0, content);
    }
  }
}
