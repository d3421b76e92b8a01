package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;

/** Immutable: what a node does with each channel of a value: {@code factor x + summand}. */
record ChannelAffine(double[] factors, double[] summands) {

  /**
   * What a BatchNormalization, or a Mul, Div, Add or Sub with a constant, does with the value that
   * is its input {@code input}; null for any other node.
   *
   * @param rank of the value; channels are its second axis
   */
  static ChannelAffine of(Node node, int input, long channels, int rank, GraphEditor graph) {
    return node.is("BatchNormalization")
        ? normalization(node, channels, graph)
        : arithmetic(node, node.input(1 - input), channels, rank, graph);
  }

  /** The same for this many times as many channels, one set of them after the other. */
  ChannelAffine repeated(int times) {
    double[] allFactors = new double[factors.length * times];
    double[] allSummands = new double[allFactors.length];
    for (int c = 0; c < allFactors.length; c++) {
      allFactors[c] = factors[c % factors.length];
      allSummands[c] = summands[c % factors.length];
    }
    return new ChannelAffine(allFactors, allSummands);
  }

  /** True when it only adds. */
  boolean isShift() {
    return Arrays.stream(factors).allMatch(factor -> factor == 1);
  }

  /** The bias of a layer whose results go through this; null for none. */
  float[] bias(float[] given) {
    float[] bias = new float[factors.length];
    for (int c = 0; c < bias.length; c++) {
      bias[c] = (float) ((given == null ? 0 : given[c]) * factors[c] + summands[c]);
    }
    return bias;
  }

  private static ChannelAffine normalization(Node node, long channels, GraphEditor graph) {
    float[][] parameters = new float[4][];
    for (int i = 0; i < 4; i++) {
      Weight weight = graph.weight(node.input(i + 1));
      if (!Constants.isPlain(weight) || weight.elements() != channels) {
        return null;
      }
      parameters[i] = Convolutions.floats(weight);
    }
    for (int output = 1; output < node.outputs().size(); output++) {
      if (node.hasOutput(output)) {
        return null; // the statistics of training
      }
    }
    if (node.integer("training_mode", 0) != 0) {
      return null;
    }
    double epsilon = node.number("epsilon", 1e-5f);
    double[] factors = new double[parameters[0].length];
    double[] summands = new double[factors.length];
    for (int c = 0; c < factors.length; c++) {
      factors[c] = parameters[0][c] / Math.sqrt(parameters[3][c] + epsilon);
      summands[c] = parameters[1][c] - parameters[2][c] * factors[c];
    }
    return new ChannelAffine(factors, summands);
  }

  private static ChannelAffine arithmetic(
      Node node, String constant, long channels, int rank, GraphEditor graph) {
    float[] values = Convolutions.perChannel(graph.weight(constant), channels, rank);
    if (values == null) {
      return null;
    }
    double[] factors = new double[values.length];
    double[] summands = new double[values.length];
    Arrays.fill(factors, 1);
    for (int c = 0; c < values.length; c++) {
      switch (node.operator()) {
        case "Mul" -> factors[c] = values[c];
        case "Div" -> factors[c] = 1.0 / values[c];
        case "Add" -> summands[c] = values[c];
        default -> summands[c] = -values[c];
      }
      if (!Double.isFinite(factors[c])) {
        return null;
      }
    }
    return new ChannelAffine(factors, summands);
  }
}
