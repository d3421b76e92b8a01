package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/**
 * Inference-time BatchNormalization of a Linear's result, and arithmetic with a constant for each
 * column, become part of its weight and bias.
 */
final class FoldIntoLinear implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("BatchNormalization", "Mul", "Div", "Add", "Sub");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    boolean commutes = root.is("Mul") || root.is("Add");
    return apply(root, 0, graph) || commutes && apply(root, 1, graph);
  }

  private static boolean apply(Node root, int input, GraphEditor graph) {
    String value = root.input(input);
    Node linear = Linears.solelyRead(value, graph);
    if (linear == null || !Linears.isAffine(linear) || !isOfColumns(root, input, graph)) {
      return false;
    }
    Weight weight = graph.weight(linear.input(1));
    Weight bias = Linears.hasBias(linear) ? graph.weight(linear.input(2)) : null;
    long columns = weight.shape()[1];
    boolean readable =
        !Linears.hasBias(linear) || Constants.isPlain(bias) && bias.elements() == columns;
    ChannelAffine affine = readable ? ChannelAffine.of(root, input, columns, 2, graph) : null;
    if (affine == null) {
      return false;
    }
    Weight scaled =
        affine.isShift() ? weight : WeightLayouts.scaledColumns(weight, affine.factors());
    if (scaled == null) {
      return false;
    }
    float[] given = bias == null ? null : Constants.floats(bias).toFloats();
    String filters =
        scaled == weight ? linear.input(1) : graph.addWeight(linear.name() + ".weight", scaled);
    float[] sum = affine.bias(given);
    String name =
        graph.addWeight(linear.name() + ".bias", new DenseWeight(Tensor.of(sum, sum.length)));
    graph.replace(
        root, Linears.create(linear.name(), linear.input(0), filters, name, root.output(0)));
    return true;
  }

  /** Channels of a BatchNormalization are the second axis, those of constants the last. */
  private static boolean isOfColumns(Node root, int input, GraphEditor graph) {
    int rank = graph.rank(root.input(input));
    if (root.is("BatchNormalization")) {
      return rank == 2;
    }
    Weight constant = graph.weight(root.input(1 - input));
    return constant != null
        && constant.elements() > 1
        && constant.shape().length <= rank
        && graph.rank(root.output(0)) == rank;
  }
}
