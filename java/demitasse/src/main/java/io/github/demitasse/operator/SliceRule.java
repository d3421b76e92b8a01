package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Thread-safe: Slice with its arguments as attributes (to opset 9) or inputs.
 *
 * <p>A symbolic end within a known dimension is taken as it is: {@code positions[:sequence]} has
 * {@code sequence} elements. Where the size turns out to be larger than the dimension, inference
 * with known sizes says so in the operator that meets the shorter slice.
 */
final class SliceRule {
  /** Exporters write such numbers for "to the end". */
  private static final long TO_THE_END = Integer.MAX_VALUE - 1L;

  private SliceRule() {}

  /** What Slice does on one axis. */
  private record Range(Dimension start, Dimension end, long step) {}

  static void infer(InferenceContext context) {
    Shape input = context.inputShape(0);
    if (input == null) {
      context.output(0, context.inputType(0), null);
      return;
    }
    List<Range> ranges = ranges(context, input.rank());
    List<Dimension> sizes = new ArrayList<>();
    for (int axis = 0; axis < input.rank(); axis++) {
      Dimension size = input.dimension(axis);
      if (ranges == null) {
        sizes.add(Dimension.unknown());
      } else if (ranges.get(axis) == null) {
        sizes.add(size);
      } else {
        sizes.add(count(size, ranges.get(axis)));
      }
    }
    context.output(0, context.inputType(0), new Shape(sizes));
    List<Dimension> content = context.inputDimensions(0);
    if (content != null && ranges != null && input.rank() == 1) {
      sliceContent(context, content, ranges.get(0), sizes.get(0));
    }
  }

  static NativeCall lower(InferenceContext context) {
    long[] sizes = Arguments.sizes(context, 0);
    List<Range> ranges = ranges(context, sizes.length);
    long[] startsThenSteps = new long[2 * sizes.length];
    for (int axis = 0; axis < sizes.length; axis++) {
      Range range = ranges == null ? null : ranges.get(axis);
      startsThenSteps[sizes.length + axis] = 1;
      if (ranges == null || range != null && !range.start().isKnown()) {
        throw Shapes.unsupported(context, "its range depends on data");
      }
      if (range != null) {
        startsThenSteps[axis] = start(sizes[axis], range.start().size(), range.step());
        startsThenSteps[sizes.length + axis] = range.step();
      }
    }
    return NativeCall.of("Slice", 1, startsThenSteps);
  }

  /** The range of each axis, null for a whole one; null when not even the axes are known. */
  private static List<Range> ranges(InferenceContext context, int rank) {
    List<Dimension> starts = Arguments.content(context, "starts", 1);
    List<Dimension> ends = Arguments.content(context, "ends", 2);
    long[] axes = Shapes.integers(context, "axes", 3);
    long[] steps = Shapes.integers(context, "steps", 4);
    boolean unknownAxes = axes == null && Shapes.isGiven(context, "axes", 3);
    boolean unknownSteps = steps == null && Shapes.isGiven(context, "steps", 4);
    Shape form = context.hasInput(1) ? context.inputShape(1) : null;
    int count = starts != null ? starts.size() : formLength(form);
    if (unknownAxes || unknownSteps || count < 0) {
      return null;
    }
    starts = starts == null ? Collections.nCopies(count, Dimension.unknown()) : starts;
    ends = ends == null ? Collections.nCopies(count, Dimension.unknown()) : ends;
    boolean equal =
        ends.size() == count
            && (axes == null ? count <= rank : axes.length == count)
            && (steps == null || steps.length == count);
    Arguments.require(equal, "starts, ends, axes and steps differ in length");
    List<Range> ranges = new ArrayList<>(Collections.nCopies(rank, null));
    for (int i = 0; i < count; i++) {
      long step = steps == null ? 1 : steps[i];
      Arguments.require(step != 0, "a step is 0");
      int axis = axes == null ? i : Shapes.axis(axes[i], rank);
      Arguments.require(ranges.get(axis) == null, "axis " + axis + " is named twice");
      ranges.set(axis, new Range(starts.get(i), ends.get(i), step));
    }
    return ranges;
  }

  private static int formLength(Shape form) {
    return form != null && form.rank() == 1 && form.isKnown() ? (int) form.elements() : -1;
  }

  private static long start(long size, long start, long step) {
    long from = start < 0 ? start + size : start;
    return step > 0 ? clamp(from, 0, size) : clamp(from, -1, size - 1);
  }

  private static long clamp(long value, long low, long high) {
    return Math.max(low, Math.min(value, high));
  }

  private static long count(long size, long start, long end, long step) {
    long from = start(size, start, step);
    long to = end < 0 ? end + size : end;
    to = step > 0 ? clamp(to, 0, size) : clamp(to, -1, size - 1);
    long distance = step > 0 ? to - from : from - to;
    // distance - 1 first: a step may be as large as a long
    return distance <= 0 ? 0 : (distance - 1) / Math.abs(Math.max(step, -Long.MAX_VALUE)) + 1;
  }

  private static Dimension count(Dimension size, Range range) {
    Dimension start = range.start();
    Dimension end = range.end();
    if (size.isKnown() && start.isKnown() && end.isKnown()) {
      return Dimension.of(count(size.size(), start.size(), end.size(), range.step()));
    }
    if (range.step() == -1) {
      boolean whole = start.is(-1) && end.isKnown() && end.size() <= -TO_THE_END;
      return whole ? size : Dimension.unknown();
    }
    if (range.step() != 1) {
      return Dimension.unknown();
    }
    if (start.is(0) && end.is(1)) {
      return end; // the first element of a dimension that is not empty
    }
    Dimension from = fromFront(size, start);
    Dimension to = end.isKnown() && end.size() >= TO_THE_END ? size : fromFront(size, end);
    if (end.isKnown() && end.size() >= 0 && end.size() < TO_THE_END) {
      return Dimension.unknown(); // the dimension may be shorter
    }
    return DimensionArithmetic.subtract(to, from);
  }

  private static Dimension fromFront(Dimension size, Dimension index) {
    return index.isKnown() && index.size() < 0 ? DimensionArithmetic.add(size, index) : index;
  }

  private static void sliceContent(
      InferenceContext context, List<Dimension> content, Range range, Dimension count) {
    if (range == null) {
      context.outputDimensions(0, content);
    } else if (range.start().isKnown() && count.isKnown()) {
      List<Dimension> picked = new ArrayList<>();
      long at = start(content.size(), range.start().size(), range.step());
      for (long i = 0; i < count.size(); i++) {
        picked.add(content.get((int) (at + i * range.step())));
      }
      context.outputDimensions(0, picked);
    }
  }
}
