package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Thread-safe: convolutions of [N, C, ...]. */
final class ConvolutionOperators {
  private ConvolutionOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of(
            "Conv",
            c -> infer(c, 1, 2, c.inputType(0)),
            c -> new NativeCall("Conv", inputs(c, 3), integers(c, 1), new double[0], false)),
        OperatorRule.of(
            "ConvInteger",
            c -> infer(c, 1, -1, DataType.INT32),
            c -> new NativeCall("ConvInteger", inputs(c, 4), integers(c, 1), new double[0], false)),
        OperatorRule.of(
            "QLinearConv",
            c -> infer(c, 3, 8, c.inputType(7)),
            c -> new NativeCall("QLinearConv", inputs(c, 9), integers(c, 3), new double[0], false)),
        OperatorRule.of(
            "ConvTranspose",
            ConvolutionOperators::inferTransposed,
            ConvolutionOperators::lowerTransposed));
  }

  /** All of the node's inputs up to {@code count}, absent ones as -1. */
  static List<Integer> inputs(InferenceContext context, int count) {
    Integer[] inputs = new Integer[count];
    Arrays.setAll(inputs, i -> context.hasInput(i) ? i : -1);
    return List.of(inputs);
  }

  /** The shape of x * w; null when not even its rank is known. */
  static Shape result(InferenceContext context, int weightInput) {
    Shape x = context.inputShape(0);
    Shape w = context.inputShape(weightInput);
    if (x == null || w == null) {
      return x == null && w == null ? null : Shapes.unknown((x == null ? w : x).rank());
    }
    Arguments.require(
        x.rank() >= 3 && x.rank() == w.rank(), "weights " + w + " do not fit the input " + x);
    long groups = groups(context.node());
    requireChannels(x, w.dimension(1), groups, w);
    Dimension filters = w.dimension(0);
    Arguments.require(
        !filters.isKnown() || filters.size() % groups == 0,
        groups + " groups do not divide the filters of " + w);
    List<Dimension> sizes = new ArrayList<>(List.of(x.dimension(0), filters));
    if (Arguments.part(w, 2, w.rank()).isKnown()) {
      sizes.addAll(WindowRule.ofWeights(context.node(), w).outputs(x));
    } else {
      sizes.addAll(Shapes.unknown(x.rank() - 2).dimensions());
    }
    return new Shape(sizes);
  }

  private static long groups(Node node) {
    long groups = node.integer("group", 1);
    Arguments.require(groups >= 1 && groups <= Integer.MAX_VALUE, "group is " + groups);
    return groups;
  }

  private static void requireChannels(Shape x, Dimension perGroup, long groups, Shape w) {
    Dimension channels = x.dimension(1);
    Arguments.require(
        !channels.isKnown()
            || !perGroup.isKnown()
            || channels.size() == Math.multiplyExact(perGroup.size(), groups),
        "weights " + w + " in " + groups + " groups do not fit the channels of " + x);
  }

  private static void requireBias(InferenceContext context, int input, Dimension channels) {
    if (input >= 0 && context.hasInput(input) && context.inputShape(input) != null) {
      Shape bias = context.inputShape(input);
      Arguments.require(
          bias.rank() == 1
              && (!bias.isKnown() || !channels.isKnown() || bias.dimension(0).equals(channels)),
          "the bias " + bias + " does not fit " + channels + " channels");
    }
  }

  private static void infer(InferenceContext context, int weightInput, int bias, DataType type) {
    Shape result = result(context, weightInput);
    if (result != null) {
      requireBias(context, bias, result.dimension(1));
    }
    context.output(0, type, result);
  }

  /** Groups, then the window. */
  static long[] integers(InferenceContext context, int weightInput) {
    return integers(context, weightInput, 1);
  }

  /** The same where each of the window's results has become {@code block} pixels high and wide. */
  private static long[] integers(InferenceContext context, int weightInput, long block) {
    WindowRule window = WindowRule.ofWeights(context.node(), context.inputShape(weightInput));
    long[] out = Arguments.outputSizes(context, 0).clone();
    for (int axis = 2; axis < out.length; axis++) {
      out[axis] /= block;
    }
    return prepend(groups(context.node()), window.lowered(Arguments.sizes(context, 0), out));
  }

  private static long[] prepend(long first, long[] rest) {
    long[] all = new long[rest.length + 1];
    all[0] = first;
    System.arraycopy(rest, 0, all, 1, rest.length);
    return all;
  }

  // ---- fused with what follows

  /** In the order in which the native operator numbers them. */
  private static final List<String> ACTIVATIONS =
      List.of(
          "none",
          "relu",
          "gelu_erf",
          "gelu_tanh",
          "silu",
          "hard_swish",
          "tanh",
          "sigmoid",
          "hard_sigmoid",
          "leaky_relu",
          "clip");

  static void inferFused(InferenceContext context) {
    Shape result = result(context, 1);
    if (result != null) {
      requireBias(context, 2, result.dimension(1));
      result = moved(result, context.node());
    }
    Shape residual = context.hasInput(3) ? context.inputShape(3) : null;
    boolean differ = result != null && residual != null && residual.rank() != result.rank();
    for (int axis = 0;
        !differ && result != null && residual != null && axis < result.rank();
        axis++) {
      Dimension a = result.dimension(axis);
      Dimension b = residual.dimension(axis);
      differ = a.isKnown() && b.isKnown() && !a.equals(b);
    }
    Arguments.require(!differ, "cannot add " + residual + " to " + result);
    context.output(0, context.inputType(0), result);
  }

  /** The shape after channels have become blocks of pixels. */
  private static Shape moved(Shape shape, Node node) {
    long block = FusedOperators.blockSize(node);
    if (block == 1) {
      return shape;
    }
    Arguments.require(
        shape.rank() == 4 && groups(node) == 1,
        "blocksize " + block + " needs images and one group");
    return MovementOperators.depthToSpace(shape, Dimension.of(block));
  }

  static NativeCall lowerFused(InferenceContext context) {
    Node node = context.node();
    String activation = node.text("activation", "none");
    Arguments.require(
        ACTIVATIONS.contains(activation), "there is no activation function '" + activation + "'");
    long block = FusedOperators.blockSize(node);
    long[] window = integers(context, 1, block);
    long[] integers = Arrays.copyOf(window, window.length + (block == 1 ? 2 : 3));
    integers[window.length] = ACTIVATIONS.indexOf(activation);
    integers[window.length + 1] = node.integer("residual_first", 0);
    if (block > 1) {
      integers[window.length + 2] = block;
    }
    double[] floats = {
      node.number("alpha", 0),
      node.number("beta", 0),
      node.number("output_scale", 1),
      node.number("output_shift", 0)
    };
    return new NativeCall("Conv", inputs(context, 4), integers, floats, false);
  }

  // ---- transposed

  private static void inferTransposed(InferenceContext context) {
    Shape x = context.inputShape(0);
    Shape w = context.inputShape(1);
    Shape result = null;
    if (x != null && w != null) {
      Arguments.require(
          x.rank() >= 3 && x.rank() == w.rank(), "weights " + w + " do not fit the input " + x);
      long groups = groups(context.node());
      requireChannels(x, w.dimension(0), 1, w);
      Dimension filters = DimensionArithmetic.multiply(w.dimension(1), Dimension.of(groups));
      Arguments.require(
          !w.dimension(0).isKnown() || w.dimension(0).size() % groups == 0,
          groups + " groups do not divide the channels of " + w);
      requireBias(context, 2, filters);
      List<Dimension> sizes = new ArrayList<>(List.of(x.dimension(0), filters));
      boolean known = Arguments.part(w, 2, w.rank()).isKnown();
      sizes.addAll(
          known
              ? WindowRule.ofWeights(context.node(), w).transposedOutputs(context.node(), x)
              : Shapes.unknown(x.rank() - 2).dimensions());
      result = new Shape(sizes);
    }
    context.output(0, context.inputType(0), result);
  }

  private static NativeCall lowerTransposed(InferenceContext context) {
    Node node = context.node();
    WindowRule window = WindowRule.ofWeights(node, context.inputShape(1));
    long[] lowered =
        window.transposedLowered(
            node, Arguments.sizes(context, 0), Arguments.outputSizes(context, 0));
    return new NativeCall(
        "ConvTranspose", inputs(context, 3), prepend(groups(node), lowered), new double[0], false);
  }
}
