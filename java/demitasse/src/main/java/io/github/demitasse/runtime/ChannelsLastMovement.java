package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Arrays;

/**
 * Confined to one thread: lowers operators that move or pool the elements of channels-last values:
 * floats, or codes for the operators of {@link ImageCodeDemands}.
 */
final class ChannelsLastMovement {
  private static final int NEAREST = 0;
  private static final int CROP_AND_RESIZE = 6;

  private final Node node;
  private final NativeCall call;
  private final Lowering lowering;
  private final ChannelsLast values;
  private final RowShape shape;
  private final boolean onCodes;

  ChannelsLastMovement(Node node, NativeCall call, Lowering lowering) {
    this.node = node;
    this.call = call;
    this.lowering = lowering;
    this.values = lowering.channelsLast();
    this.shape = lowering.shape(node.output(0));
    this.onCodes = lowering.isOnImageCodes(node);
  }

  // ---- what can be done, also for the demands

  /** True for a reshape that moves nothing with the channels last either. */
  static boolean keepsChannels(RowShape from, RowShape to) {
    return ChannelsLast.applies(from)
        && ChannelsLast.applies(to)
        && from.dimensions()[0] == to.dimensions()[0]
        && from.dimensions()[1] == to.dimensions()[1];
  }

  /** True for a Resize that copies elements. */
  static boolean isNearest(NativeCall call) {
    return call.integers()[0] == NEAREST && call.integers()[1] != CROP_AND_RESIZE;
  }

  /** What a Pad pads with, or null where that is not known before a run. */
  static Float padding(Node node, NativeCall call, Lowering lowering) {
    int input = call.inputs().get(1);
    if (input < 0 || !node.hasInput(input)) {
      return (float) call.floats()[0];
    }
    if (!lowering.view().isConstant(node.input(input))) {
      return null;
    }
    Tensor constant = lowering.view().constant(node.input(input));
    return constant.type() == DataType.FLOAT32 && constant.elements() == 1
        ? constant.toFloats()[0]
        : null;
  }

  /** How many elements the mean of a pooling [N, C, H, W] is made of at most. */
  static long window(Node node, Lowering lowering) {
    long[] dimensions = lowering.shape(node.input(0)).dimensions();
    if (node.operator().equals("GlobalAveragePool")) {
      return dimensions[2] * dimensions[3];
    }
    long[] integers = lowering.view().call(node).integers();
    return Math.min(integers[1], dimensions[2]) * Math.min(integers[2], dimensions[3]);
  }

  // ---- the operations

  /** Adds the operation if it is such a one, reading its operands with their channels last. */
  boolean lower() {
    if (call.alias()) {
      return reshape();
    }
    return switch (call.operator()) {
      case "GlobalAveragePool", "GlobalMaxPool" -> globalPool();
      case "MaxPool", "AveragePool" -> pool(call.operator(), call.integers());
      case "Concat" -> concatenate();
      case "Resize" -> resize();
      case "DepthToSpace" -> depthToSpace();
      case "Slice" -> slice();
      case "Pad" -> pad();
      default -> false;
    };
  }

  private int from(int index) {
    String value = node.input(call.inputs().get(index));
    if (!onCodes) {
      return values.id(value);
    }
    Node quantizer = lowering.producer(value);
    boolean mean = call.operator().endsWith("AveragePool");
    return values.codes(
        value, mean ? Quantization.of(quantizer) : lowering.wantedImageCodes(node.output(0)));
  }

  private int to() {
    String y = node.output(0);
    Quantization quantization = onCodes ? lowering.wantedImageCodes(y) : null;
    return quantization == null ? values.define(y) : values.defineCodes(y, quantization);
  }

  private boolean reshape() {
    if (!keepsChannels(lowering.shape(node.input(0)), shape)) {
      return false;
    }
    define(from(0));
    return true;
  }

  /** States that the result is a program value, seen in its shape. */
  private void define(int source) {
    String y = node.output(0);
    int id = lowering.program().alias(source, ChannelsLast.moved(shape));
    if (onCodes) {
      values.defineCodes(y, lowering.wantedImageCodes(y), id);
    } else {
      values.define(y, id);
    }
  }

  private boolean globalPool() {
    boolean maximum = call.operator().equals("GlobalMaxPool");
    long[] from = lowering.shape(node.input(0)).dimensions();
    if (onCodes && from.length == 4) {
      long[] whole = {0, from[2], from[3], 1, 1, 1, 1, 0, 0, 0, 0};
      return pool(maximum ? "MaxPool" : "AveragePool", whole);
    }
    boolean floats = lowering.type(node.input(0)) == DataType.FLOAT32;
    long[] axes = new long[shape.dimensions().length - 2];
    Arrays.setAll(axes, i -> i + 1);
    String mean = floats ? "ChannelsLast.GlobalAveragePool" : "ReduceMean";
    return operator(maximum ? "ReduceMax" : mean, axes);
  }

  private boolean pool(String operator, long[] window) {
    String name = "ChannelsLast." + operator;
    if (shape.dimensions().length != 4 || lowering.type(node.input(0)) != DataType.FLOAT32) {
      return false;
    }
    if (!onCodes || operator.equals("MaxPool")) {
      return operator(name, window);
    }
    Quantization from = Quantization.of(lowering.producer(node.input(0)));
    Quantization to = lowering.wantedImageCodes(node.output(0));
    long[] integers = Arrays.copyOf(window, window.length + (to == null ? 1 : 2));
    integers[window.length] = from.zeroPoint();
    if (to == null) {
      return operator(name, integers, from.scale());
    }
    integers[window.length + 1] = to.zeroPoint();
    return operator(name, integers, from.scale(), to.scale());
  }

  private boolean concatenate() {
    int[] inputs = new int[call.inputs().size()];
    for (int input : call.inputs()) {
      if (lowering.view().isConstant(node.input(input))) {
        return false;
      }
    }
    Arrays.setAll(inputs, this::from);
    long axis = ChannelsLast.axis((int) call.integers()[0], shape.dimensions().length);
    int[] outputs = {to()};
    lowering.program().operator("Concat", inputs, outputs, new long[] {axis}, new double[0]);
    return true;
  }

  /** For each axis there is a scale, and the begin and the end of a region, behind two numbers. */
  private boolean resize() {
    int rank = shape.dimensions().length;
    double[] floats = call.floats().clone();
    for (int part = 0; part < 3; part++) {
      for (int axis = 0; axis < rank; axis++) {
        int from = 2 + part * rank;
        floats[from + ChannelsLast.axis(axis, rank)] = call.floats()[from + axis];
      }
    }
    return operator("Resize", call.integers(), floats);
  }

  /**
   * A transposition of [N, H, W, block, block, C], or [.., C, block, block], to [N, H, block, W,
   * block, C].
   */
  private boolean depthToSpace() {
    long[] to = ChannelsLast.moved(shape).dimensions(); // [N, H block, W block, C]
    long block = call.integers()[0];
    boolean columnFirst = call.integers()[1] != 0;
    long height = to[1] / block;
    long width = to[2] / block;
    RowShape depth =
        columnFirst
            ? RowShape.ofStatic(to[0], height, width, to[3], block, block)
            : RowShape.ofStatic(to[0], height, width, block, block, to[3]);
    long[] order = columnFirst ? new long[] {0, 1, 4, 2, 5, 3} : new long[] {0, 1, 3, 2, 4, 5};
    ProgramBuilder program = lowering.program();
    int x = program.alias(from(0), depth);
    DataType type = onCodes ? DataType.UINT8 : lowering.type(node.output(0));
    int y = program.value(type, RowShape.ofStatic(to[0], height, block, width, block, to[3]));
    program.operator("Transpose", new int[] {x}, new int[] {y}, order, new double[0]);
    define(y);
    return true;
  }

  /** For each axis a first index, then for each a step. */
  private boolean slice() {
    int rank = shape.dimensions().length;
    long[] integers = new long[2 * rank];
    for (int axis = 0; axis < rank; axis++) {
      int to = ChannelsLast.axis(axis, rank);
      integers[to] = call.integers()[axis];
      integers[rank + to] = call.integers()[rank + axis];
    }
    return operator("Slice", integers);
  }

  /** A mode, then for each axis how much there is in front. */
  private boolean pad() {
    int rank = shape.dimensions().length;
    Float value = padding(node, call, lowering);
    if (value == null) {
      return false;
    }
    long[] integers = call.integers().clone();
    for (int axis = 0; axis < rank; axis++) {
      integers[1 + ChannelsLast.axis(axis, rank)] = call.integers()[1 + axis];
    }
    return operator(
        "Pad", integers, onCodes ? lowering.wantedImageCodes(node.output(0)).code(value) : value);
  }

  private boolean operator(String name, long[] integers, double... floats) {
    int[] inputs = {from(0)};
    lowering.program().operator(name, inputs, new int[] {to()}, integers, floats);
    return true;
  }
}
