package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.List;
import java.util.Set;

/**
 * What is a factor and a summand per channel behind a convolution, or a transposed one, is folded
 * into its filters and bias: BatchNormalization with given statistics, and Mul, Add, Sub and Div by
 * constants.
 */
final class FoldIntoConvolution implements Rewrite {
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
    int block = FusedOperators.blockSize(convolution);
    int copies = block * block;
    long channels = transposed ? shape[1] * convolution.integer("group", 1) : shape[0] / copies;
    ChannelAffine affine = ChannelAffine.of(root, input, channels, shape.length, graph);
    if (affine == null || !transposed && channels * copies != shape[0]) {
      return false;
    }
    fold(root, convolution, affine.repeated(copies), transposed, graph);
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
            && Constants.isPlain(graph.weight(node.input(1)))
            && (!node.hasInput(2) || Constants.isPlain(graph.weight(node.input(2))))
        ? node
        : null;
  }

  private static void fold(
      Node root, Node convolution, ChannelAffine affine, boolean transposed, GraphEditor graph) {
    String filters = convolution.input(1);
    if (!affine.isShift()) {
      long groups = transposed ? convolution.integer("group", 1) : 1;
      filters =
          Convolutions.store(
              filters,
              scaled(graph.weight(filters), affine.factors(), transposed, groups),
              convolution.name() + ".weight",
              graph);
    }
    float[] bias =
        affine.bias(
            convolution.hasInput(2)
                ? Convolutions.floats(graph.weight(convolution.input(2)))
                : null);
    DenseWeight folded = new DenseWeight(Tensor.of(bias, bias.length));
    String name =
        convolution.hasInput(2)
            ? Convolutions.store(convolution.input(2), folded, convolution.name() + ".bias", graph)
            : graph.addWeight(convolution.name() + ".bias", folded);
    Node result = convolution.withInputs(List.of(convolution.input(0), filters, name));
    graph.replace(root, result.withOutputs(List.of(root.output(0))));
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
