package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.weight.Weight;

/** Immutable and thread-safe: lowers {@code y = activation(x weight + bias) + residual}. */
final class LinearLowering implements NodeLowering {
  private static final int X = 0;
  private static final int WEIGHT = 1;
  private static final int BIAS = 2;
  private static final int RESIDUAL = 3;

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return true;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    Weight weight = lowering.weight(node.input(WEIGHT));
    if (weight == null) {
      throw new NotLowerableException(
          "node '" + node.name() + "': the weight of a linear operator must be constant");
    }
    if (lowering.takesSigns(node, node.input(X))) {
      lowerSigns(node, lowering);
      return;
    }
    int activation = activation(node);
    String result = node.output(0);
    RowShape shape = lowering.shape(result);
    int x = x(node, lowering);
    int residual =
        node.hasInput(RESIDUAL)
            ? lowering.idLike(node.input(RESIDUAL), shape)
            : ProgramBuilder.NONE;
    Quantization codes = lowering.wantedCodes(result);
    int y =
        codes != null && !lowering.wantsFloats(result)
            ? lowering.defineCodes(result, codes)
            : lowering.define(result);
    lowering
        .program()
        .linear(
            x,
            lowering.packed(node.input(WEIGHT)),
            lowering.floats(node, BIAS),
            activation,
            residual,
            y);
  }

  /** Signs times signs; signs again where nobody asks for the floats between. */
  private static void lowerSigns(Node node, Lowering lowering) {
    String result = node.output(0);
    int x = lowering.signs(lowering.producer(node.input(X)));
    long weight = lowering.packed(node.input(WEIGHT));
    ProgramBuilder program = lowering.program();
    if (lowering.wantsFloats(result)) {
      float[] bias = lowering.floats(node, BIAS);
      program.binaryLinear(x, weight, bias, activation(node), null, lowering.define(result));
    } else {
      int[] thresholds = lowering.thresholds(result);
      int y = lowering.defineSignsOf(result);
      program.binaryLinear(x, weight, null, Demitasse.DMT_ACTIVATION_NONE, thresholds, y);
    }
  }

  private static int x(Node node, Lowering lowering) {
    String x = node.input(X);
    if (lowering.takesCodes(node, x)) {
      Node quantizer = lowering.producer(x);
      return lowering.codes(quantizer.input(0), Quantization.of(quantizer));
    }
    return lowering.id(x);
  }

  private static int activation(Node node) {
    String activation = node.text("activation", "none");
    return switch (activation) {
      case "none" -> Demitasse.DMT_ACTIVATION_NONE;
      case "relu" -> Demitasse.DMT_ACTIVATION_RELU;
      case "gelu_erf" -> Demitasse.DMT_ACTIVATION_GELU_ERF;
      case "gelu_tanh" -> Demitasse.DMT_ACTIVATION_GELU_TANH;
      case "silu" -> Demitasse.DMT_ACTIVATION_SILU;
      case "hard_swish" -> Demitasse.DMT_ACTIVATION_HARD_SWISH;
      case "tanh" -> Demitasse.DMT_ACTIVATION_TANH;
      case "sigmoid" -> Demitasse.DMT_ACTIVATION_SIGMOID;
      default ->
          throw new IllegalArgumentException(
              "node '" + node.name() + "': activation '" + activation + "' is not known");
    };
  }
}
