package io.github.demitasse.operator;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.UnsupportedOperatorException.Missing;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Thread-safe: the rules about shapes, axes and parameters that many operators share. Messages name
 * the shapes; whoever asked for inference adds the node.
 */
public final class Shapes {
  private Shapes() {}

  /**
   * ONNX's multidirectional broadcasting. Two dimensions of which one is 1 give the other, equal
   * ones (also equal symbols) stay, a known size wins over a symbol, two different symbols give an
   * unknown dimension. Null when one shape is null.
   *
   * @throws IllegalArgumentException if the shapes do not broadcast
   */
  public static Shape broadcast(Shape... shapes) {
    int rank = 0;
    for (Shape shape : shapes) {
      if (shape == null) {
        return null;
      }
      rank = Math.max(rank, shape.rank());
    }
    List<Dimension> result = new ArrayList<>(Collections.nCopies(rank, Dimension.of(1)));
    for (Shape shape : shapes) {
      int missing = rank - shape.rank();
      for (int axis = missing; axis < rank; axis++) {
        Dimension broadcast = broadcast(result.get(axis), shape.dimension(axis - missing));
        if (broadcast == null) {
          throw new IllegalArgumentException(
              "shapes cannot be broadcast: " + Arrays.toString(shapes));
        }
        result.set(axis, broadcast);
      }
    }
    return new Shape(result);
  }

  /** The broadcast of two dimensions; null when they contradict each other. */
  private static Dimension broadcast(Dimension a, Dimension b) {
    if (a.is(1)) {
      return b;
    }
    if (b.is(1)) {
      return a;
    }
    if (a.isKnown() && b.isKnown()) {
      return a.equals(b) ? a : null;
    }
    if (a.isKnown() || b.isKnown()) {
      return a.isKnown() ? a : b;
    }
    return a.equals(b) ? a : Dimension.unknown();
  }

  /** A shape of this rank about which nothing else is known. */
  public static Shape unknown(int rank) {
    return new Shape(Collections.nCopies(rank, Dimension.unknown()));
  }

  /**
   * An axis in [-rank, rank) counted from the front.
   *
   * @throws IllegalArgumentException if it is outside
   */
  public static int axis(long axis, int rank) {
    if (axis < -rank || axis >= rank) {
      throw new IllegalArgumentException("axis " + axis + " does not exist for rank " + rank);
    }
    return (int) (axis < 0 ? axis + rank : axis);
  }

  /**
   * Axes counted from the front, ascending.
   *
   * @throws IllegalArgumentException if one is outside [-rank, rank) or named twice
   */
  public static int[] axes(long[] axes, int rank) {
    int[] result = Arrays.stream(axes).mapToInt(axis -> axis(axis, rank)).sorted().toArray();
    for (int i = 1; i < result.length; i++) {
      if (result[i] == result[i - 1]) {
        throw new IllegalArgumentException("axis " + result[i] + " is named twice");
      }
    }
    return result;
  }

  /** All axes of a rank. */
  public static int[] allAxes(int rank) {
    int[] axes = new int[rank];
    Arrays.setAll(axes, axis -> axis);
    return axes;
  }

  /** The shape with some axes reduced: to 1 when they are kept, else removed. */
  public static Shape reduced(Shape shape, int[] axes, boolean keepAxes) {
    List<Dimension> result = new ArrayList<>();
    for (int axis = 0; axis < shape.rank(); axis++) {
      boolean reduced = Arrays.binarySearch(axes, axis) >= 0;
      if (!reduced) {
        result.add(shape.dimension(axis));
      } else if (keepAxes) {
        result.add(Dimension.of(1));
      }
    }
    return new Shape(result);
  }

  /** The shape with one dimension replaced. */
  public static Shape with(Shape shape, int axis, Dimension dimension) {
    List<Dimension> result = new ArrayList<>(shape.dimensions());
    result.set(axis, dimension);
    return new Shape(result);
  }

  /** True when a parameter is given at all: as an attribute (null: never) or as an input. */
  public static boolean isGiven(InferenceContext context, String attribute, int input) {
    return input >= 0 && context.hasInput(input)
        || attribute != null && context.node().attributes().containsKey(attribute);
  }

  /**
   * A list of integers that older operator sets have as an attribute and newer ones as an input, or
   * a single integer of either kind as a list of one; null when absent or not constant.
   */
  public static long[] integers(InferenceContext context, String attribute, int input) {
    if (input >= 0 && context.hasInput(input)) {
      Tensor constant = context.inputConstant(input);
      if (constant != null) {
        return constant.toLongs();
      }
      List<Dimension> content = context.inputDimensions(input);
      return content != null && content.stream().allMatch(Dimension::isKnown)
          ? content.stream().mapToLong(Dimension::size).toArray()
          : null;
    }
    if (attribute == null || !context.node().attributes().containsKey(attribute)) {
      return null;
    }
    long[] list = context.node().integers(attribute);
    return list != null ? list : new long[] {context.node().integer(attribute, 0)};
  }

  /**
   * The same for lowering, where a given parameter has to be known.
   *
   * @return null when the parameter is absent
   * @throws UnsupportedOperatorException if it is given but computed from data
   */
  public static long[] knownIntegers(InferenceContext context, String attribute, int input) {
    long[] integers = integers(context, attribute, input);
    if (integers == null && isGiven(context, attribute, input)) {
      throw unsupported(context, "input " + input + " is computed from data");
    }
    return integers;
  }

  /** The exception for a use of a known operator that is valid but not implemented. */
  public static UnsupportedOperatorException unsupported(InferenceContext context, String reason) {
    return new UnsupportedOperatorException(
        List.of(
            new Missing(
                context.node().name(),
                context.node().qualifiedOperator(),
                context.opset(),
                reason)));
  }
}
