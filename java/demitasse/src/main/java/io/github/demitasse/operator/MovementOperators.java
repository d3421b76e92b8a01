package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Thread-safe: operators that move elements to other places, whatever their type. */
final class MovementOperators {
  private MovementOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of(
            "Transpose", MovementOperators::inferTranspose, MovementOperators::lowerTranspose),
        OperatorRule.of("Concat", MovementOperators::inferConcat, MovementOperators::lowerConcat)
            .since(4),
        OperatorRule.of("Split", SplitRule::infer, SplitRule::lower).since(2),
        OperatorRule.of("Slice", SliceRule::infer, SliceRule::lower),
        OperatorRule.of("Pad", PadRule::infer, PadRule::lower).since(2),
        OperatorRule.of("CenterCropPad", PadRule::inferCenter, PadRule::lowerCenter),
        OperatorRule.of("Tile", MovementOperators::inferTile, c -> toOutput(c, "Tile")).since(6),
        OperatorRule.of("Expand", MovementOperators::inferExpand, c -> toOutput(c, "Expand")),
        OperatorRule.of(
            "DepthToSpace",
            MovementOperators::inferDepthToSpace,
            MovementOperators::lowerDepthToSpace),
        OperatorRule.of(
            "SpaceToDepth",
            MovementOperators::inferSpaceToDepth,
            MovementOperators::lowerSpaceToDepth),
        OperatorRule.of("Resize", ResizeRule::infer, ResizeRule::lower).since(10),
        OperatorRule.of("Upsample", ResizeRule::infer, ResizeRule::lower).since(7),
        OperatorRule.of("Trilu", Arguments::sameAsInput, MovementOperators::lowerTrilu),
        OperatorRule.of(
            "ReverseSequence", Arguments::sameAsInput, MovementOperators::lowerReverseSequence));
  }

  private static int[] permutation(InferenceContext context, int rank) {
    long[] given = context.node().integers("perm");
    if (given == null) {
      int[] reversed = new int[rank];
      Arrays.setAll(reversed, i -> rank - 1 - i);
      return reversed;
    }
    Shapes.axes(given, rank);
    Arguments.require(given.length == rank, "perm " + Arrays.toString(given) + " for rank " + rank);
    return Arrays.stream(given).mapToInt(axis -> Shapes.axis(axis, rank)).toArray();
  }

  private static void inferTranspose(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape result = null;
    if (shape != null) {
      int[] permutation = permutation(context, shape.rank());
      result = new Shape(Arrays.stream(permutation).mapToObj(shape::dimension).toList());
    }
    context.output(0, context.inputType(0), result);
    ReshapeRule.forwardContent(context);
  }

  private static NativeCall lowerTranspose(InferenceContext context) {
    long[] sizes = Arguments.sizes(context, 0);
    int[] permutation = permutation(context, sizes.length);
    int[] moved = Arrays.stream(permutation).filter(axis -> sizes[axis] != 1).toArray();
    boolean inOrder = true;
    for (int i = 1; i < moved.length; i++) {
      inOrder &= moved[i] > moved[i - 1];
    }
    return inOrder
        ? NativeCall.reshape()
        : NativeCall.of("Transpose", 1, Arrays.stream(permutation).asLongStream().toArray());
  }

  private static void inferConcat(InferenceContext context) {
    int count = context.node().inputs().size();
    Shape result = null;
    int axis = -1;
    List<Dimension> along = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Shape shape = context.inputShape(i);
      if (shape == null) {
        along.add(Dimension.unknown());
        continue;
      }
      axis = Shapes.axis(context.node().integer("axis", 1), shape.rank());
      along.add(shape.dimension(axis));
      result = result == null ? shape : common(result, shape, axis);
    }
    if (result != null) {
      Dimension total = along.stream().reduce(Dimension.of(0), DimensionArithmetic::add);
      result = Shapes.with(result, axis, total);
    }
    context.output(0, context.inputType(0), result);
    concatenateContent(context, count);
  }

  /** The shape that both have on all axes but one. */
  private static Shape common(Shape a, Shape b, int except) {
    Arguments.require(a.rank() == b.rank(), "cannot concatenate " + a + " and " + b);
    List<Dimension> sizes = new ArrayList<>();
    for (int axis = 0; axis < a.rank(); axis++) {
      Dimension x = a.dimension(axis);
      Dimension y = b.dimension(axis);
      Arguments.require(
          axis == except || !x.isKnown() || !y.isKnown() || x.equals(y),
          "cannot concatenate " + a + " and " + b + " along axis " + except);
      boolean takeY = y.isKnown() || x instanceof Dimension.Unknown;
      sizes.add(takeY ? y : x);
    }
    return new Shape(sizes);
  }

  private static void concatenateContent(InferenceContext context, int count) {
    List<Dimension> content = new ArrayList<>();
    boolean anyKnown = false;
    for (int i = 0; i < count; i++) {
      List<Dimension> part = context.inputDimensions(i);
      Shape shape = context.inputShape(i);
      if (shape == null || shape.rank() != 1 || part == null && !shape.isKnown()) {
        return;
      }
      anyKnown |= part != null;
      if (part == null && shape.elements() > GraphInference.LONGEST_CONTENT) {
        return;
      }
      content.addAll(
          part != null ? part : Collections.nCopies((int) shape.elements(), Dimension.unknown()));
    }
    if (anyKnown) {
      context.outputDimensions(0, content);
    }
  }

  private static NativeCall lowerConcat(InferenceContext context) {
    int count = context.node().inputs().size();
    int rank = Arguments.outputSizes(context, 0).length;
    int axis = Shapes.axis(context.node().integer("axis", 1), rank);
    return count == 1 ? NativeCall.reshape() : NativeCall.of("Concat", count, new long[] {axis});
  }

  private static void inferTile(InferenceContext context) {
    Shape shape = context.inputShape(0);
    List<Dimension> repeats = context.inputDimensions(1);
    Shape result = null;
    if (shape != null && repeats != null) {
      Arguments.require(repeats.size() == shape.rank(), "repeats " + repeats + " of " + shape);
      List<Dimension> sizes = new ArrayList<>();
      for (int axis = 0; axis < shape.rank(); axis++) {
        sizes.add(DimensionArithmetic.multiply(shape.dimension(axis), repeats.get(axis)));
      }
      result = new Shape(sizes);
    } else if (shape != null) {
      result = Shapes.unknown(shape.rank());
    }
    context.output(0, context.inputType(0), result);
  }

  private static void inferExpand(InferenceContext context) {
    List<Dimension> wanted = context.inputDimensions(1);
    Shape result =
        wanted == null ? null : Shapes.broadcast(context.inputShape(0), new Shape(wanted));
    context.output(0, context.inputType(0), result);
    List<Dimension> content = context.inputDimensions(0);
    if (content != null && content.size() == 1 && result != null && result.rank() == 1) {
      Dimension size = result.dimension(0);
      if (size.isKnown() && size.size() <= GraphInference.LONGEST_CONTENT) {
        context.outputDimensions(0, Collections.nCopies((int) size.size(), content.get(0)));
      }
    }
  }

  /** A call that needs nothing but the output's shape. */
  private static NativeCall toOutput(InferenceContext context, String operator) {
    long[] sizes = Arguments.outputSizes(context, 0);
    boolean same =
        Arguments.product(Arguments.sizes(context, 0), 0, Arguments.sizes(context, 0).length)
            == Arguments.product(sizes, 0, sizes.length);
    return same ? NativeCall.reshape() : NativeCall.of(operator, 1, new long[0]);
  }

  private static Dimension blockSize(InferenceContext context) {
    long size = context.node().integer("blocksize", 0);
    Arguments.require(size > 0 && size < 1 << 15, "blocksize is " + size);
    return Dimension.of(size);
  }

  private static void inferDepthToSpace(InferenceContext context) {
    Dimension block = blockSize(context);
    Shape shape = context.inputShape(0);
    context.output(
        0, context.inputType(0), shape == null ? Shapes.unknown(4) : depthToSpace(shape, block));
  }

  /** The shape of images whose channels become blocks of pixels. */
  static Shape depthToSpace(Shape shape, Dimension block) {
    Arguments.require(shape.rank() == 4, "needs [N, C, H, W], given " + shape);
    return Shape.of(
        shape.dimension(0),
        DimensionArithmetic.divideExactly(
            shape.dimension(1), DimensionArithmetic.multiply(block, block)),
        DimensionArithmetic.multiply(shape.dimension(2), block),
        DimensionArithmetic.multiply(shape.dimension(3), block));
  }

  private static NativeCall lowerDepthToSpace(InferenceContext context) {
    String mode = context.node().text("mode", "DCR");
    Arguments.require(mode.equals("DCR") || mode.equals("CRD"), "mode is '" + mode + "'");
    long columnFirst = mode.equals("CRD") ? 1 : 0;
    return NativeCall.of("DepthToSpace", 1, new long[] {blockSize(context).size(), columnFirst});
  }

  private static void inferSpaceToDepth(InferenceContext context) {
    Dimension block = blockSize(context);
    Shape shape = context.inputShape(0);
    Shape result = Shapes.unknown(4);
    if (shape != null) {
      Arguments.require(shape.rank() == 4, "needs [N, C, H, W], given " + shape);
      result =
          Shape.of(
              shape.dimension(0),
              DimensionArithmetic.product(List.of(shape.dimension(1), block, block)),
              DimensionArithmetic.divideExactly(shape.dimension(2), block),
              DimensionArithmetic.divideExactly(shape.dimension(3), block));
    }
    context.output(0, context.inputType(0), result);
  }

  private static NativeCall lowerSpaceToDepth(InferenceContext context) {
    return NativeCall.of("SpaceToDepth", 1, new long[] {blockSize(context).size()});
  }

  private static NativeCall lowerTrilu(InferenceContext context) {
    long[] upper = {context.node().integer("upper", 1)};
    return NativeCall.of("Trilu", context.hasInput(1) ? 2 : 1, upper);
  }

  private static NativeCall lowerReverseSequence(InferenceContext context) {
    long batchAxis = context.node().integer("batch_axis", 1);
    long timeAxis = context.node().integer("time_axis", 0);
    return NativeCall.of("ReverseSequence", 2, new long[] {batchAxis, timeAxis});
  }
}
