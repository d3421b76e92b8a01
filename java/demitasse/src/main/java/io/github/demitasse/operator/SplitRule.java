package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.List;

/** Thread-safe: Split into given sizes (attribute to opset 12, then an input) or equal parts. */
final class SplitRule {
  private SplitRule() {}

  static void infer(InferenceContext context) {
    int parts = context.node().outputs().size();
    Shape shape = context.inputShape(0);
    for (int i = 0; i < parts; i++) {
      Shape part = null;
      if (shape != null) {
        int axis = Shapes.axis(context.node().integer("axis", 0), shape.rank());
        part = Shapes.with(shape, axis, size(context, shape.dimension(axis), i, parts));
      }
      context.output(i, context.inputType(0), part);
    }
    List<Dimension> content = context.inputDimensions(0);
    if (content != null && shape != null && shape.rank() == 1) {
      splitContent(context, content, parts);
    }
  }

  private static Dimension size(InferenceContext context, Dimension whole, int index, int parts) {
    if (Shapes.isGiven(context, "split", 1)) {
      List<Dimension> sizes = Arguments.content(context, "split", 1);
      if (sizes == null) {
        return Dimension.unknown();
      }
      Arguments.require(sizes.size() == parts, parts + " outputs, sizes " + sizes);
      Dimension total = sizes.stream().reduce(Dimension.of(0), DimensionArithmetic::add);
      Arguments.require(
          !total.isKnown() || !whole.isKnown() || total.equals(whole),
          "the sizes " + sizes + " do not add up to " + whole);
      return sizes.get(index);
    }
    Dimension count = Dimension.of(parts);
    if (!whole.isKnown()) {
      return DimensionArithmetic.divideExactly(whole, count);
    }
    boolean uneven = context.opset() >= 18;
    Arguments.require(
        uneven || whole.size() % parts == 0, whole + " cannot be split into " + parts);
    long chunk = (whole.size() + parts - 1) / parts;
    long from = Math.min(whole.size(), chunk * index);
    return Dimension.of(Math.min(whole.size(), from + chunk) - from);
  }

  private static void splitContent(InferenceContext context, List<Dimension> content, int parts) {
    int from = 0;
    for (int i = 0; i < parts; i++) {
      Dimension size = size(context, Dimension.of(content.size()), i, parts);
      if (!size.isKnown()) {
        return;
      }
      int to = from + (int) size.size();
      context.outputDimensions(i, content.subList(from, to));
      from = to;
    }
  }

  static NativeCall lower(InferenceContext context) {
    long[] sizes = Arguments.sizes(context, 0);
    int parts = context.node().outputs().size();
    int axis = Shapes.axis(context.node().integer("axis", 0), sizes.length);
    long[] axisThenSizes = new long[parts + 1];
    axisThenSizes[0] = axis;
    for (int i = 0; i < parts; i++) {
      Dimension size = size(context, Dimension.of(sizes[axis]), i, parts);
      if (!size.isKnown()) {
        throw Shapes.unsupported(context, "its sizes depend on data");
      }
      axisThenSizes[i + 1] = size.size();
    }
    return NativeCall.of("Split", 1, axisThenSizes);
  }
}
