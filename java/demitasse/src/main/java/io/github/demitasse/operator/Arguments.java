package io.github.demitasse.operator;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.Arrays;
import java.util.List;

/** Thread-safe: reading what a node is given, beyond the rules in {@link Shapes}. */
final class Arguments {
  private Arguments() {}

  /** The known integers of a content; null when it is not known or holds symbols. */
  static long[] known(List<Dimension> content) {
    return content == null || !content.stream().allMatch(Dimension::isKnown)
        ? null
        : content.stream().mapToLong(Dimension::size).toArray();
  }

  /**
   * Integers that are an attribute in old operator sets and an input in new ones, as numbers and
   * symbols; null when absent or computed from data.
   */
  static List<Dimension> content(InferenceContext context, String attribute, int input) {
    long[] given = context.node().integers(attribute);
    return given == null
        ? context.inputDimensions(input)
        : Arrays.stream(given).mapToObj(Dimension::of).toList();
  }

  /**
   * One integer that is given as an input of one element; null when it is computed from data.
   *
   * @throws IllegalArgumentException if it has another number of elements
   */
  static Dimension oneDimension(InferenceContext context, String name, int input) {
    List<Dimension> content = context.inputDimensions(input);
    if (content == null) {
      return null;
    }
    require(content.size() == 1, name + " must be one number, given " + content);
    return content.get(0);
  }

  /**
   * The sizes of an input, when lowering.
   *
   * @throws UnsupportedOperatorException if they depend on data
   */
  static long[] sizes(InferenceContext context, int input) {
    return sizes(context, "input " + input, context.inputShape(input));
  }

  /** The same for an output. */
  static long[] outputSizes(InferenceContext context, int output) {
    return sizes(context, "output " + output, context.outputShape(output));
  }

  private static long[] sizes(InferenceContext context, String what, Shape shape) {
    if (shape == null || !shape.isKnown()) {
      throw Shapes.unsupported(context, "the shape of " + what + " depends on data");
    }
    return shape.sizes();
  }

  /** The first output has the first input's type and shape. */
  static void sameAsInput(InferenceContext context) {
    context.output(0, context.inputType(0), context.inputShape(0));
  }

  /** The product of {@code sizes[from]} to {@code sizes[to - 1]}. */
  static long product(long[] sizes, int from, int to) {
    long product = 1;
    for (int i = from; i < to; i++) {
      product = Math.multiplyExact(product, sizes[i]);
    }
    return product;
  }

  /** Dimensions {@code from} (inclusive) to {@code to} (exclusive). */
  static Shape part(Shape shape, int from, int to) {
    return new Shape(shape.dimensions().subList(from, to));
  }

  static Shape concatenate(Shape... shapes) {
    return new Shape(Arrays.stream(shapes).flatMap(shape -> shape.dimensions().stream()).toList());
  }

  /**
   * What is known of a shape that comes as data: its rank, if the integers are counted.
   *
   * @param form the shape of those integers
   */
  static Shape shapeOfForm(Shape form) {
    boolean counted = form != null && form.rank() == 1 && form.isKnown();
    require(!counted || form.elements() <= 64, "a shape of " + form + " dimensions");
    return counted ? Shapes.unknown((int) form.elements()) : null;
  }

  static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }
}
