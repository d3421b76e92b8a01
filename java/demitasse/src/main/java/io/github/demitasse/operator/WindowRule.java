package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Immutable: the sliding window of a convolution or pooling over the spatial axes of [N, C, ...]:
 * the node's attributes with their defaults, the size of the result and, for known sizes, the
 * padding.
 */
final class WindowRule {
  /** What the native library takes for any of these. */
  private static final long LARGEST_PARAMETER = Integer.MAX_VALUE;

  private static final List<String> AUTO_PADS =
      List.of("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER");

  private final long[] kernel;
  private final long[] strides;
  private final long[] dilations;
  private final long[] pads;
  private final String autoPad;
  private final boolean ceil;

  private WindowRule(Node node, long[] kernel) {
    int rank = kernel.length;
    this.kernel = kernel;
    this.strides = attribute(node, "strides", rank, 1);
    this.dilations = attribute(node, "dilations", rank, 1);
    this.pads = attribute(node, "pads", 2 * rank, 0);
    this.autoPad = node.text("auto_pad", "NOTSET");
    this.ceil = node.integer("ceil_mode", 0) != 0;
    Arguments.require(AUTO_PADS.contains(autoPad), "auto_pad is '" + autoPad + "'");
    check("kernel", kernel, 1);
    check("strides", strides, 1);
    check("dilations", dilations, 1);
    check("pads", pads, 0);
  }

  /** The window of a pooling node over this many spatial axes. */
  static WindowRule ofPooling(Node node, int spatialRank) {
    long[] kernel = node.integers("kernel_shape");
    Arguments.require(
        kernel != null && kernel.length == spatialRank,
        "kernel_shape " + Arrays.toString(kernel) + " for " + spatialRank + " spatial axes");
    return new WindowRule(node, kernel);
  }

  /** The window of a convolution by weights [M, C / groups, ...]. */
  static WindowRule ofWeights(Node node, Shape weight) {
    long[] kernel = Arguments.part(weight, 2, weight.rank()).sizes();
    long[] given = node.integers("kernel_shape");
    Arguments.require(
        given == null || Arrays.equals(given, kernel),
        "kernel_shape " + Arrays.toString(given) + " for weights " + weight);
    return new WindowRule(node, kernel);
  }

  private static long[] attribute(Node node, String name, int count, long otherwise) {
    long[] values = node.integers(name);
    if (values == null || values.length == 0) {
      values = new long[count];
      Arrays.fill(values, otherwise);
    }
    Arguments.require(
        values.length == count,
        name + " " + Arrays.toString(values) + " where " + count + " numbers are needed");
    return values;
  }

  private static void check(String name, long[] values, long least) {
    for (long value : values) {
      Arguments.require(
          value >= least && value <= LARGEST_PARAMETER,
          name + " " + Arrays.toString(values) + " outside " + least + ".." + LARGEST_PARAMETER);
    }
  }

  int rank() {
    return kernel.length;
  }

  private boolean same() {
    return autoPad.startsWith("SAME");
  }

  private long pad(int index) {
    return autoPad.equals("NOTSET") ? pads[index] : 0;
  }

  /** From the first to the last element under the window. */
  private long extent(int axis) {
    return (kernel[axis] - 1) * dilations[axis] + 1;
  }

  /**
   * The spatial sizes of the result.
   *
   * @throws IllegalArgumentException if the window is larger than the padded input
   */
  List<Dimension> outputs(Shape input) {
    List<Dimension> result = new ArrayList<>();
    for (int axis = 0; axis < rank(); axis++) {
      result.add(output(axis, input.dimension(axis + 2), input));
    }
    return result;
  }

  private Dimension output(int axis, Dimension in, Shape input) {
    Dimension stride = Dimension.of(strides[axis]);
    if (same()) {
      return divide(DimensionArithmetic.add(in, Dimension.of(strides[axis] - 1)), stride);
    }
    long surplus = pad(axis) + pad(axis + rank()) - extent(axis);
    if (in.isKnown()) {
      return Dimension.of(output(axis, in.size(), surplus, input));
    }
    long rounded = surplus + strides[axis] + (ceil ? strides[axis] - 1 : 0);
    boolean dropsNone = !ceil || surplus + strides[axis] <= pad(axis);
    return dropsNone ? divide(plus(in, rounded), stride) : Dimension.unknown();
  }

  private long output(int axis, long in, long surplus, Shape input) {
    long room = in + surplus;
    Arguments.require(
        room >= 0 || in == 0,
        "a window of "
            + extent(axis)
            + " does not fit axis "
            + (axis + 2)
            + " of "
            + input
            + " with padding "
            + pad(axis)
            + ", "
            + pad(axis + rank()));
    long windows = Math.max(0, Math.floorDiv(room, strides[axis]) + 1);
    if (ceil && room >= 0 && room % strides[axis] != 0) {
      // A window that would begin behind the input and its padding in front is dropped.
      windows += windows * strides[axis] >= in + pad(axis) ? 0 : 1;
    }
    return windows;
  }

  private static Dimension plus(Dimension a, long b) {
    return b < 0
        ? DimensionArithmetic.subtract(a, Dimension.of(-b))
        : DimensionArithmetic.add(a, Dimension.of(b));
  }

  private static Dimension divide(Dimension a, Dimension b) {
    return b.is(1) ? a : DimensionArithmetic.divide(a, b);
  }

  /** The paddings in front of each axis, then those behind, for known sizes. */
  private long[] paddings(long[] in, long[] out) {
    long[] paddings = new long[2 * rank()];
    for (int axis = 0; axis < rank(); axis++) {
      if (same()) {
        long total = Math.max(0, (out[axis + 2] - 1) * strides[axis] + extent(axis) - in[axis + 2]);
        paddings[axis] = autoPad.equals("SAME_UPPER") ? total / 2 : total - total / 2;
        paddings[axis + rank()] = total - paddings[axis];
      } else {
        paddings[axis] = pad(axis);
        paddings[axis + rank()] = pad(axis + rank());
      }
    }
    return paddings;
  }

  /** Strides, dilations, paddings: what native windows take. */
  long[] lowered(long[] in, long[] out) {
    return join(strides, dilations, paddings(in, out));
  }

  /** The same with the kernel in front. */
  long[] loweredWithKernel(long[] in, long[] out) {
    return join(kernel, lowered(in, out));
  }

  // ---- transposed convolution

  /** The spatial sizes of a transposed convolution's result. */
  List<Dimension> transposedOutputs(Node node, Shape input) {
    long[] given = givenOutputs(node);
    long[] extra = attribute(node, "output_padding", rank(), 0);
    check("output_padding", extra, 0);
    List<Dimension> result = new ArrayList<>();
    for (int axis = 0; axis < rank(); axis++) {
      Dimension in = input.dimension(axis + 2);
      Dimension spread = DimensionArithmetic.multiply(in, Dimension.of(strides[axis]));
      if (given != null) {
        result.add(Dimension.of(given[axis]));
      } else if (same()) {
        result.add(spread);
      } else {
        long rest = extent(axis) + extra[axis] - strides[axis] - pad(axis) - pad(axis + rank());
        Dimension out = in.is(0) ? in : plus(spread, rest);
        Arguments.require(
            !out.isKnown() || out.size() >= 0,
            "padding " + Arrays.toString(pads) + " is larger than the result of " + input);
        result.add(out);
      }
    }
    return result;
  }

  private long[] givenOutputs(Node node) {
    long[] given = node.integers("output_shape");
    if (given == null || given.length == 0) {
      return null;
    }
    Arguments.require(
        given.length == rank() || given.length == rank() + 2,
        "output_shape " + Arrays.toString(given) + " for " + rank() + " spatial axes");
    long[] sizes = Arrays.copyOfRange(given, given.length - rank(), given.length);
    check("output_shape", sizes, 0);
    return sizes;
  }

  /** Strides, dilations, paddings of a transposed convolution for known sizes. */
  long[] transposedLowered(Node node, long[] in, long[] out) {
    long[] paddings = Arrays.copyOf(pads, pads.length);
    boolean fromOutput = same() || givenOutputs(node) != null;
    long[] extra = attribute(node, "output_padding", rank(), 0);
    for (int axis = 0; axis < rank(); axis++) {
      if (fromOutput) {
        long full = strides[axis] * (in[axis + 2] - 1) + extent(axis) + extra[axis];
        long total = Math.max(0, full - out[axis + 2]);
        paddings[axis] = autoPad.equals("SAME_UPPER") ? total / 2 : total - total / 2;
        paddings[axis + rank()] = total - paddings[axis];
      } else {
        paddings[axis] = pad(axis);
        paddings[axis + rank()] = pad(axis + rank());
      }
    }
    return join(strides, dilations, paddings);
  }

  private static long[] join(long[]... parts) {
    return Arrays.stream(parts).flatMapToLong(Arrays::stream).toArray();
  }
}
