package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.Arrays;
import java.util.List;

/** Thread-safe: softmax and the normalizations. */
final class NormalizationOperators {
  private NormalizationOperators() {}

  static List<Operator> all() {
    return List.of(
        softmax("Softmax"),
        softmax("LogSoftmax"),
        softmax("Hardmax"),
        OperatorRule.of(
            "LayerNormalization",
            NormalizationOperators::inferLayerNormalization,
            c -> lowerLayerNormalization(c, "LayerNormalization", 3)),
        OperatorRule.of(
            "RMSNormalization",
            NormalizationOperators::inferRmsNormalization,
            c -> lowerLayerNormalization(c, "RMSNormalization", 2)),
        // ONNX Runtime's name for it, in ONNX's domain.
        OperatorRule.of(
            "SimplifiedLayerNormalization",
            NormalizationOperators::inferRmsNormalization,
            c -> lowerLayerNormalization(c, "RMSNormalization", 2)),
        OperatorRule.of(
            "GroupNormalization",
            Arguments::sameAsInput,
            c -> lowerGroupNormalization(c, c.node().integer("num_groups", 1))),
        OperatorRule.of(
                "InstanceNormalization",
                Arguments::sameAsInput,
                NormalizationOperators::lowerInstanceNormalization)
            .since(6),
        OperatorRule.of(
                "BatchNormalization",
                NormalizationOperators::inferBatchNormalization,
                c -> NativeCall.of("BatchNormalization", 5, new long[0], epsilon(c)))
            .since(7),
        OperatorRule.of("LpNormalization", Arguments::sameAsInput, NormalizationOperators::lowerLp),
        OperatorRule.of(
            "MeanVarianceNormalization",
            Arguments::sameAsInput,
            NormalizationOperators::lowerMeanVariance),
        OperatorRule.of("LRN", Arguments::sameAsInput, NormalizationOperators::lowerLrn));
  }

  static double epsilon(InferenceContext context) {
    return context.node().number("epsilon", 1e-5f);
  }

  private static Operator softmax(String name) {
    return OperatorRule.of(
        name,
        NormalizationOperators::inferSoftmax,
        context -> NativeCall.of(name, 1, aroundSoftmaxAxis(context)));
  }

  private static long softmaxAxis(InferenceContext context) {
    return context.node().integer("axis", context.opset() < 13 ? 1 : -1);
  }

  private static void inferSoftmax(InferenceContext context) {
    Shape shape = context.inputShape(0);
    if (shape != null && shape.rank() > 0) {
      Shapes.axis(softmaxAxis(context), shape.rank());
    }
    Arguments.sameAsInput(context);
  }

  /**
   * The sizes before (-1: what is left, so that a program over rows can count them), along and
   * after the axis. Up to opset 12 the axis and all after it are normalized together.
   */
  private static long[] aroundSoftmaxAxis(InferenceContext context) {
    long[] sizes = Arguments.sizes(context, 0);
    if (sizes.length == 0) {
      return new long[] {1, 1, 1};
    }
    int axis = Shapes.axis(softmaxAxis(context), sizes.length);
    boolean together = context.opset() < 13;
    long size = together ? Arguments.product(sizes, axis, sizes.length) : sizes[axis];
    long inner = together ? 1 : Arguments.product(sizes, axis + 1, sizes.length);
    boolean countable = size > 0 && inner > 0;
    return new long[] {countable ? -1 : Arguments.product(sizes, 0, axis), size, inner};
  }

  private static void inferLayerNormalization(InferenceContext context) {
    inferRmsNormalization(context);
    Shape shape = context.inputShape(0);
    Shape statistics = null;
    if (shape != null) {
      int axis = Shapes.axis(context.node().integer("axis", -1), shape.rank());
      int[] normalized = new int[shape.rank() - axis];
      Arrays.setAll(normalized, i -> axis + i);
      statistics = Shapes.reduced(shape, normalized, true);
    }
    boolean stashDouble = context.node().integer("stash_type", 1) == DataType.FLOAT64.onnxCode();
    DataType stash = stashDouble ? DataType.FLOAT64 : DataType.FLOAT32;
    context.output(1, stash, statistics);
    context.output(2, stash, statistics);
  }

  private static void inferRmsNormalization(InferenceContext context) {
    if (!context.node().is("LayerNormalization") && context.node().hasOutput(1)) {
      throw Shapes.unsupported(context, "its deviation as an output");
    }
    Shape shape = context.inputShape(0);
    Shape scale = context.inputShape(1);
    if (shape != null) {
      int axis = Shapes.axis(context.node().integer("axis", -1), shape.rank());
      if (scale != null) {
        Shape normalized = Arguments.part(shape, axis, shape.rank());
        Arguments.require(
            Shapes.broadcast(normalized, scale).rank() == normalized.rank(),
            "the scale " + scale + " does not fit axes " + axis + ".. of " + shape);
      }
    }
    Arguments.sameAsInput(context);
  }

  private static NativeCall lowerLayerNormalization(
      InferenceContext context, String operator, int inputs) {
    int rank = Arguments.sizes(context, 0).length;
    int axis = Shapes.axis(context.node().integer("axis", -1), rank);
    List<Integer> all = inputs == 2 ? List.of(0, 1) : List.of(0, 1, context.hasInput(2) ? 2 : -1);
    return new NativeCall(operator, all, new long[] {axis}, new double[] {epsilon(context)}, false);
  }

  private static NativeCall lowerInstanceNormalization(InferenceContext context) {
    long[] sizes = Arguments.sizes(context, 0);
    Arguments.require(sizes.length >= 2, "needs [N, C, ...], given rank " + sizes.length);
    return lowerGroupNormalization(context, sizes[1]);
  }

  private static NativeCall lowerGroupNormalization(InferenceContext context, long groups) {
    return NativeCall.of("GroupNormalization", 3, new long[] {groups}, epsilon(context));
  }

  private static void inferBatchNormalization(InferenceContext context) {
    Node node = context.node();
    boolean training = node.integer("training_mode", 0) != 0;
    for (int output = 1; output < node.outputs().size(); output++) {
      training |= node.hasOutput(output);
    }
    if (training) {
      throw Shapes.unsupported(context, "training mode");
    }
    if (context.opset() < 9 && node.integer("spatial", 1) == 0) {
      throw Shapes.unsupported(context, "spatial = 0");
    }
    Shape shape = context.inputShape(0);
    Shape scale = context.inputShape(1);
    if (shape != null && scale != null && scale.rank() == 1) {
      Dimension channels = shape.rank() > 1 ? shape.dimension(1) : Dimension.of(1);
      Dimension given = scale.dimension(0);
      Arguments.require(
          !channels.isKnown() || !given.isKnown() || channels.equals(given),
          "the scale " + scale + " does not fit the channels of " + shape);
    }
    Arguments.sameAsInput(context);
  }

  private static NativeCall lowerLp(InferenceContext context) {
    int rank = Arguments.sizes(context, 0).length;
    long norm = context.node().integer("p", 2);
    Arguments.require(norm == 1 || norm == 2, "p is " + norm);
    long axis = Shapes.axis(context.node().integer("axis", -1), rank);
    return NativeCall.of("LpNormalization", 1, new long[] {axis, norm});
  }

  private static NativeCall lowerMeanVariance(InferenceContext context) {
    int rank = Arguments.sizes(context, 0).length;
    long[] given = context.node().integers("axes");
    int[] axes = Shapes.axes(given == null ? new long[] {0, 2, 3} : given, rank);
    return NativeCall.of(
        "MeanVarianceNormalization", 1, Arrays.stream(axes).asLongStream().toArray());
  }

  private static NativeCall lowerLrn(InferenceContext context) {
    Node node = context.node();
    return NativeCall.of(
        "LRN",
        1,
        new long[] {node.integer("size", 1)},
        node.number("alpha", 1e-4f),
        node.number("beta", 0.75f),
        node.number("bias", 1));
  }
}
