package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/**
 * A weight that is only laid out anew (transposed, reshaped) or widened from half precision is
 * stored that way; its encoding stays.
 */
final class FoldWeightLayout implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Weight weight = graph.weight(root.input(0));
    if (weight == null || graph.isKept(root.output(0))) {
      return false;
    }
    Weight folded = fold(root, weight, graph);
    if (folded == null) {
      return false;
    }
    boolean keepsName =
        graph.hasOneConsumer(root.input(0)) && LayerNames.isAnonymous(root.output(0));
    if (!keepsName) {
      return graph.makeConstant(root.output(0), folded);
    }
    graph.redirect(root.output(0), root.input(0));
    graph.replaceWeight(root.input(0), folded);
    return true;
  }

  private static Weight fold(Node root, Weight weight, GraphEditor graph) {
    switch (root.operator()) {
      case "Transpose":
        long[] order = root.integers("perm");
        boolean swaps = order == null || order.length == 2 && order[0] == 1;
        return swaps && WeightLayouts.canTranspose(weight) ? WeightLayouts.transpose(weight) : null;
      case "Cast":
        boolean widens =
            root.integer("to", 0) == DataType.FLOAT32.onnxCode()
                && (weight.type() == DataType.FLOAT16 || weight.type() == DataType.BFLOAT16);
        return widens ? new DenseWeight(((DenseWeight) weight).tensor(), DataType.FLOAT32) : null;
      default:
        Shape shape = graph.shape(root.output(0));
        return weight instanceof DenseWeight dense && shape != null && shape.isKnown()
            ? new DenseWeight(dense.tensor().reshaped(shape.sizes()), dense.type())
            : null;
    }
  }
}
