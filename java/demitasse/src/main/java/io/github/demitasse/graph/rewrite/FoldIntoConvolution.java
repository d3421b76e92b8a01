package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * What is a factor and a summand per channel behind a convolution, or a transposed one, is folded
 * into its filters and bias: BatchNormalization with given statistics, and Mul, Add, Sub and Div by
 * constants.
 */
final class FoldIntoConvolution implements Rewrite {
  /** y = factors x + summands, one of each per channel. */
  private record Affine(double[] factors, double[] summands) {}

  @Override
  public Set<String> roots() {
    return Set.of("BatchNormalization", "Mul", "Div", "Add", "Sub");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    boolean normalizes = root.is("BatchNormalization");
    boolean commutes = root.is("Mul") || root.is("Add");
    return apply(root, 0, graph) || !normalizes && commutes && apply(root, 1, graph);
  }

  private static boolean apply(Node root, int input, GraphEditor graph) {
    String value = root.input(input);
    Node convolution = foldable(value, graph);
    if (convolution == null) {
      return false;
    }
    boolean transposed = convolution.is("ConvTranspose");
    long[] shape = graph.weight(convolution.input(1)).shape();
    long channels = transposed ? shape[1] * convolution.integer("group", 1) : shape[0];
    Affine affine =
        root.is("BatchNormalization")
            ? normalization(root, channels, graph)
            : arithmetic(root, root.input(1 - input), channels, shape.length, graph);
    if (affine == null) {
      return false;
    }
    fold(root, convolution, affine, transposed, graph);
    return true;
  }

  /** The convolution by constants that computes the value for one reader alone; else null. */
  private static Node foldable(String value, GraphEditor graph) {
    Node node = graph.fusedProducer(value, FusedOperators.FUSED_CONV);
    boolean found = node != null && Convolutions.isAffine(node);
    if (!found) {
      node = graph.producer(value, "ConvTranspose");
      found = node != null && graph.rank(value) >= 3;
    }
    return found
            && graph.hasOneConsumer(value)
            && isPlain(graph.weight(node.input(1)))
            && (!node.hasInput(2) || isPlain(graph.weight(node.input(2))))
        ? node
        : null;
  }

  private static boolean isPlain(Weight weight) {
    return weight instanceof DenseWeight dense && dense.type() == DataType.FLOAT32;
  }

  private static Affine normalization(Node node, long channels, GraphEditor graph) {
    float[][] parameters = new float[4][];
    for (int i = 0; i < 4; i++) {
      Weight weight = graph.weight(node.input(i + 1));
      if (!isPlain(weight) || weight.elements() != channels) {
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
    return new Affine(factors, summands);
  }

  private static Affine arithmetic(
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
    return new Affine(factors, summands);
  }

  private static void fold(
      Node root, Node convolution, Affine affine, boolean transposed, GraphEditor graph) {
    String filters = convolution.input(1);
    boolean scales = Arrays.stream(affine.factors).anyMatch(factor -> factor != 1);
    if (scales) {
      long groups = transposed ? convolution.integer("group", 1) : 1;
      filters =
          store(
              filters,
              scaled(graph.weight(filters), affine.factors, transposed, groups),
              convolution.name() + ".weight",
              graph);
    }
    float[] bias = new float[affine.factors.length];
    float[] given =
        convolution.hasInput(2)
            ? Convolutions.floats(graph.weight(convolution.input(2)))
            : new float[bias.length];
    for (int c = 0; c < bias.length; c++) {
      bias[c] = (float) (given[c] * affine.factors[c] + affine.summands[c]);
    }
    DenseWeight folded = new DenseWeight(Tensor.of(bias, bias.length));
    String name =
        convolution.hasInput(2)
            ? store(convolution.input(2), folded, convolution.name() + ".bias", graph)
            : graph.addWeight(convolution.name() + ".bias", folded);
    Node result = convolution.withInputs(List.of(convolution.input(0), filters, name));
    graph.replace(root, result.withOutputs(List.of(root.output(0))));
  }

  /** Puts a weight in the place of another if nobody else reads that; the weight's name. */
  private static String store(String former, Weight weight, String name, GraphEditor graph) {
    if (!graph.hasOneConsumer(former)) {
      return graph.addWeight(name, weight);
    }
    graph.replaceWeight(former, weight);
    return former;
  }

  /** The filters [m, c, ..] of each m, or, transposed, [c, m / groups, ..], times a factor. */
  private static Weight scaled(Weight filters, double[] factors, boolean transposed, long groups) {
    long[] shape = filters.shape();
    float[] values = Convolutions.floats(filters);
    int taps = 1;
    for (int axis = 2; axis < shape.length; axis++) {
      taps *= (int) shape[axis];
    }
    int inner = transposed ? taps : taps * (int) shape[1];
    for (int i = 0; i < values.length; i++) {
      int row = i / inner;
      if (transposed) {
        int perGroup = (int) shape[1];
        int group = (int) (row / perGroup / (shape[0] / groups));
        row = group * perGroup + row % perGroup;
      }
      values[i] = (float) (values[i] * factors[row]);
    }
    return new DenseWeight(Tensor.of(values, shape));
  }
}
