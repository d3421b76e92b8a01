package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** Thread-safe: Pad (arguments as attributes to opset 10, then inputs) and CenterCropPad. */
final class PadRule {
  private static final List<String> MODES = List.of("constant", "reflect", "edge", "wrap");

  private PadRule() {}

  static void infer(InferenceContext context) {
    Shape shape = context.inputShape(0);
    if (shape == null) {
      context.output(0, context.inputType(0), null);
      return;
    }
    List<Dimension> pads = Arguments.content(context, "pads", 1);
    boolean unknownAxes = context.hasInput(3) && Shapes.integers(context, null, 3) == null;
    if (pads == null || unknownAxes) {
      context.output(0, context.inputType(0), Shapes.unknown(shape.rank()));
      return;
    }
    int[] axes = axes(Shapes.integers(context, null, 3), shape.rank());
    Arguments.require(pads.size() == 2 * axes.length, "pads " + pads + " of " + shape);
    List<Dimension> sizes = new ArrayList<>(shape.dimensions());
    for (int i = 0; i < axes.length; i++) {
      Dimension padding = DimensionArithmetic.add(pads.get(i), pads.get(i + axes.length));
      sizes.set(axes[i], DimensionArithmetic.add(sizes.get(axes[i]), padding));
    }
    context.output(0, context.inputType(0), new Shape(sizes));
  }

  /** The axes that are named, in that order; all when none are. */
  private static int[] axes(long[] given, int rank) {
    if (given == null) {
      return Shapes.allAxes(rank);
    }
    Shapes.axes(given, rank);
    int[] axes = new int[given.length];
    for (int i = 0; i < axes.length; i++) {
      axes[i] = Shapes.axis(given[i], rank);
    }
    return axes;
  }

  static NativeCall lower(InferenceContext context) {
    int rank = Arguments.sizes(context, 0).length;
    String mode = context.node().text("mode", "constant");
    Arguments.require(MODES.contains(mode), "mode is '" + mode + "'");
    long[] pads = Arguments.known(Arguments.content(context, "pads", 1));
    if (pads == null || context.hasInput(3) && Shapes.integers(context, null, 3) == null) {
      throw Shapes.unsupported(context, "its pads depend on data");
    }
    int[] axes = axes(Shapes.integers(context, null, 3), rank);
    long[] modeThenBegins = new long[rank + 1];
    modeThenBegins[0] = MODES.indexOf(mode);
    for (int i = 0; i < axes.length; i++) {
      modeThenBegins[axes[i] + 1] = pads[i];
    }
    int value = context.hasInput(2) ? 2 : -1;
    return new NativeCall(
        "Pad",
        List.of(0, value),
        modeThenBegins,
        new double[] {context.node().number("value", 0)},
        false);
  }

  static void inferCenter(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape result = shape;
    if (shape != null) {
      List<Dimension> sizes = new ArrayList<>(shape.dimensions());
      List<Dimension> wanted = context.inputDimensions(1);
      int[] axes = axes(context.node().integers("axes"), shape.rank());
      Arguments.require(
          wanted == null || wanted.size() == axes.length, "the shape " + wanted + " for " + shape);
      for (int i = 0; i < axes.length; i++) {
        sizes.set(axes[i], wanted == null ? Dimension.unknown() : wanted.get(i));
      }
      result = new Shape(sizes);
    }
    context.output(0, context.inputType(0), result);
  }

  /** A padding that may be negative: half of the difference in front, rounded down. */
  static NativeCall lowerCenter(InferenceContext context) {
    long[] sizes = Arguments.sizes(context, 0);
    long[] wanted = Arguments.outputSizes(context, 0);
    long[] modeThenBegins = new long[sizes.length + 1];
    for (int axis = 0; axis < sizes.length; axis++) {
      modeThenBegins[axis + 1] = (wanted[axis] - sizes[axis]) / 2;
    }
    return new NativeCall("Pad", List.of(0, -1), modeThenBegins, new double[] {0}, false);
  }
}
