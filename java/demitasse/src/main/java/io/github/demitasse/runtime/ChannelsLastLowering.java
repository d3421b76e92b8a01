package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Thread-safe: lowers operators to channels-last values. Convolutions always work so; other
 * operators follow when an operand is there in this order and not in the other.
 */
final class ChannelsLastLowering {
  private static final Set<String> ELEMENTWISE =
      Set.of(
          "Add",
          "Sub",
          "Mul",
          "Div",
          "Max",
          "Min",
          "Pow",
          "Sum",
          "Mean",
          "PRelu",
          "Abs",
          "Neg",
          "Relu",
          "LeakyRelu",
          "Elu",
          "Selu",
          "Celu",
          "Sigmoid",
          "HardSigmoid",
          "HardSwish",
          "Tanh",
          "Clip",
          "Exp",
          "Log",
          "Sqrt",
          "Reciprocal",
          "Erf",
          "Gelu",
          "Softplus",
          "Softsign",
          "Mish",
          "Swish",
          "Floor",
          "Ceil",
          "Round");

  private final Node node;
  private final NativeCall call;
  private final Lowering lowering;
  private final ChannelsLast values;
  private final RowShape shape;

  private ChannelsLastLowering(Node node, NativeCall call, Lowering lowering) {
    this.node = node;
    this.call = call;
    this.lowering = lowering;
    this.values = lowering.channelsLast();
    this.shape = lowering.shape(node.output(0));
  }

  /** Adds the operation if it is one for channels-last values; else does nothing. */
  static boolean lower(Node node, NativeCall call, Lowering lowering) {
    if (!node.hasOutput(0) || node.outputs().size() > 1) {
      return false;
    }
    return new ChannelsLastLowering(node, call, lowering).lower();
  }

  private boolean lower() {
    if (call.operator().equals("Conv")) {
      return convolution();
    }
    if (values.isMade(node.output(0))) {
      return true; // by the node before
    }
    if (lowering.isOnImageCodes(node)) {
      return move();
    }
    if (call.alias()) {
      return isOnlyLast(input(0)) && move();
    }
    if (call.operator().equals("Transpose")) {
      return transpose();
    }
    if (!isFollowing()) {
      return false;
    }
    return move() || gate() || ELEMENTWISE.contains(call.operator()) && elementwise();
  }

  private boolean move() {
    return new ChannelsLastMovement(node, call, lowering).lower();
  }

  private boolean isFollowing() {
    for (int input : call.inputs()) {
      if (input >= 0 && node.hasInput(input) && isOnlyLast(node.input(input))) {
        return true;
      }
    }
    return false;
  }

  private boolean isOnlyLast(String value) {
    return values.has(value) && !lowering.isDefined(value);
  }

  private String input(int index) {
    int input = index < call.inputs().size() ? call.inputs().get(index) : -1;
    return input >= 0 && node.hasInput(input) ? node.input(input) : "";
  }

  // ---- convolution

  private static final int ACTIVATION = 9;
  private static final int BLOCK = 11;

  private boolean convolution() {
    String x = input(0);
    String bias = input(2);
    boolean possible =
        ChannelsLast.applies(shape)
            && shape.dimensions().length == 4
            && lowering.type(x) == DataType.FLOAT32
            && lowering.weight(input(1)) != null
            && (bias.isEmpty() || lowering.weight(bias) != null)
            && Arrays.stream(call.integers()).allMatch(number -> number >= 0);
    long[] window = call.integers();
    long group = window[0];
    long block = window.length > BLOCK ? window[BLOCK] : 1;
    if (!possible && block > 1) {
      throw new UnsupportedOperationException(
          "a convolution whose results become blocks needs constant filters");
    }
    if (!possible) {
      return false;
    }
    boolean channelsFirst =
        group == 1
            && !values.has(x)
            && lowering.shape(x).dimensions()[1] <= ChannelsLast.MOST_IMAGE_CHANNELS;
    double[] given = call.floats();
    float[] parameters = {0, 0, 1, 0};
    for (int i = 0; i < given.length; i++) {
      parameters[i] = (float) given[i];
    }
    int kind =
        channelsFirst
            ? Demitasse.DMT_CONVOLUTION_CHANNELS_FIRST
            : Demitasse.DMT_CONVOLUTION_CHANNELS_LAST;
    int residual = input(3).isEmpty() ? ProgramBuilder.NONE : values.id(input(3));
    long[] geometry = {window[1], window[2], window[5], window[6], window[3], window[4]};
    float[] biases = bias.isEmpty() ? null : lowering.floats(node, call.inputs().get(2));
    boolean residualFirst = window.length > ACTIVATION && window[ACTIVATION + 1] != 0;
    ProgramBuilder program = lowering.program();
    if (lowering.takesCodes(node, x)) {
      Node quantizer = lowering.producer(x);
      Quantization from = Quantization.of(quantizer);
      int codes = values.codes(quantizer.input(0), from);
      Quantization to = resultCodes();
      program.codeConvolution(
          codes,
          from,
          lowering.packedCodeConvolution(input(1), group, block),
          geometry,
          biases,
          activation(),
          parameters,
          residual,
          residualFirst,
          to == null ? values.define(node.output(0)) : values.defineCodes(node.output(0), to),
          to);
      return true;
    }
    program.convolution(
        channelsFirst ? lowering.id(x) : values.id(x),
        lowering.packedConvolution(input(1), group, block, kind),
        geometry,
        biases,
        activation(),
        parameters,
        residual,
        residualFirst,
        values.define(node.output(0)));
    return true;
  }

  /** What the result is wanted as when nobody wants floats; else null. */
  private Quantization resultCodes() {
    boolean inKernel =
        switch (activation()) {
          case Demitasse.DMT_ACTIVATION_NONE,
              Demitasse.DMT_ACTIVATION_RELU,
              Demitasse.DMT_ACTIVATION_HARD_SWISH,
              Demitasse.DMT_ACTIVATION_HARD_SIGMOID,
              Demitasse.DMT_ACTIVATION_LEAKY_RELU,
              Demitasse.DMT_ACTIVATION_CLIP ->
              true;
          default -> false;
        };
    return inKernel ? lowering.wantedImageCodes(node.output(0)) : null;
  }

  private int activation() {
    long[] integers = call.integers();
    return integers.length > ACTIVATION
        ? (int) integers[ACTIVATION]
        : Demitasse.DMT_ACTIVATION_NONE;
  }

  // ---- moving

  /** A transposition that moves the channels to the end, or from there, moves nothing. */
  private boolean transpose() {
    String x = input(0);
    if (!ChannelsLast.applies(shape)) {
      return false;
    }
    long[] order = call.integers();
    int rank = order.length;
    if (isOnlyLast(x)) {
      long[] moved = new long[rank];
      boolean nothing = true;
      for (int i = 0; i < rank; i++) {
        moved[i] = ChannelsLast.axis((int) order[i], rank);
        nothing &= moved[i] == i;
      }
      if (nothing) {
        lowering.define(node.output(0), lowering.program().alias(values.id(x), shape));
      } else {
        operator("Transpose", new int[] {values.id(x)}, lowering.define(node.output(0)), moved);
      }
      return true;
    }
    if (!lowering.isDefined(x) || lowering.view().isConstant(x)) {
      return false;
    }
    for (int i = 0; i < rank; i++) {
      if (order[i] != ChannelsLast.axis(i, rank)) {
        return false;
      }
    }
    // The operand is the result with its channels last.
    values.define(node.output(0), lowering.program().alias(lowering.id(x), lowering.shape(x)));
    return true;
  }

  // ---- following

  /**
   * Channels times a number each, as squeeze-and-excite does, perhaps added to themselves; to codes
   * if only they are wanted.
   */
  private boolean gate() {
    if (!call.operator().equals("Mul")) {
      return false;
    }
    int gates = isGate(input(1)) ? 1 : 0;
    String x = input(1 - gates);
    if (!isGate(input(gates))
        || lowering.view().isConstant(x)
        || !Arrays.equals(dimensions(x), shape.dimensions())
        || lowering.type(x) != DataType.FLOAT32) {
      return false;
    }
    int[] inputs = {values.id(x), values.id(input(gates))};
    Node sum = sumWith(x);
    String y = sum == null ? node.output(0) : sum.output(0);
    long added = sum == null ? 0 : 1;
    Quantization to = lowering.wantedImageCodes(y);
    if (to == null) {
      operator("ChannelsLast.Gate", inputs, values.define(y), added);
    } else {
      lowering
          .program()
          .operator(
              "ChannelsLast.Gate",
              inputs,
              new int[] {values.defineCodes(y, to)},
              new long[] {added, to.zeroPoint()},
              new double[] {to.scale()});
    }
    return true;
  }

  /** The node that adds a value of the result's shape to the result, its only reader; or null. */
  private Node sumWith(String value) {
    Node reader = lowering.onlyReader(node.output(0));
    boolean sum =
        reader != null
            && reader.is("Add")
            && reader.inputs().contains(value)
            && reader.inputs().contains(node.output(0));
    return sum ? reader : null;
  }

  /** [N, C, 1, ..], computed, beside a larger result. */
  private boolean isGate(String value) {
    if (value.isEmpty() || lowering.view().isConstant(value)) {
      return false;
    }
    long[] dimensions = dimensions(value);
    long[] result = shape.dimensions();
    boolean gate = dimensions.length == result.length && !Arrays.equals(dimensions, result);
    for (int i = 0; gate && i < dimensions.length; i++) {
      gate = dimensions[i] == (i < 2 ? result[i] : 1);
    }
    return gate;
  }

  private boolean elementwise() {
    int rank = shape.dimensions().length;
    List<String> operands = new ArrayList<>();
    for (int i = 0; i < call.inputs().size(); i++) {
      String operand = input(i);
      operands.add(operand);
      if (operand.isEmpty()) {
        continue;
      }
      long[] dimensions = dimensions(operand);
      boolean fits =
          lowering.view().isConstant(operand)
              ? isSingle(dimensions) || isPerChannel(dimensions, rank)
              : isSingle(dimensions) || dimensions.length == rank;
      if (!fits) {
        return false;
      }
    }
    int[] inputs = new int[operands.size()];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = operand(operands.get(i), rank);
    }
    if (sumToCodes(operands, inputs)) {
      return true;
    }
    lowering
        .program()
        .operator(
            call.operator(),
            inputs,
            new int[] {values.define(node.output(0))},
            call.integers(),
            call.floats());
    return true;
  }

  /** A sum of two values of the result's shape, of which only codes are wanted. */
  private boolean sumToCodes(List<String> operands, int[] inputs) {
    Quantization to = lowering.wantedImageCodes(node.output(0));
    boolean possible = to != null && call.operator().equals("Add");
    for (String operand : operands) {
      possible &= !lowering.view().isConstant(operand);
      possible &= Arrays.equals(dimensions(operand), shape.dimensions());
    }
    if (possible) {
      int[] outputs = {values.defineCodes(node.output(0), to)};
      long[] zeroPoint = {to.zeroPoint()};
      double[] scale = {to.scale()};
      lowering.program().operator("ChannelsLast.Add", inputs, outputs, zeroPoint, scale);
    }
    return possible;
  }

  private int operand(String value, int rank) {
    if (value.isEmpty()) {
      return ProgramBuilder.NONE;
    }
    long[] dimensions = dimensions(value);
    if (lowering.view().isConstant(value)) {
      return isSingle(dimensions)
          ? lowering.constant(value)
          : lowering.constant(value, shape.dimensions()[1]);
    }
    return dimensions.length == rank ? values.id(value) : lowering.id(value);
  }

  private long[] dimensions(String value) {
    return lowering.view().isConstant(value)
        ? lowering.view().constant(value).shape()
        : lowering.shape(value).dimensions();
  }

  private static boolean isSingle(long[] dimensions) {
    return Arrays.stream(dimensions).allMatch(size -> size == 1);
  }

  /** [C, 1, ..] or [1, C, 1, ..]. */
  private boolean isPerChannel(long[] dimensions, int rank) {
    int channel = dimensions.length - (rank - 1);
    if (channel < 0) {
      return false;
    }
    for (int i = 0; i < dimensions.length; i++) {
      if (dimensions[i] != 1 && (i != channel || dimensions[i] != shape.dimensions()[1])) {
        return false;
      }
    }
    return true;
  }

  private void operator(String name, int[] inputs, int output, long... integers) {
    lowering.program().operator(name, inputs, new int[] {output}, integers, new double[0]);
  }
}
