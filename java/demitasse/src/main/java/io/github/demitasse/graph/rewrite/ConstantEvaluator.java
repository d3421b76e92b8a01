package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/**
 * Thread-safe: computes single nodes whose inputs are known, so that they need not be run later.
 */
@FunctionalInterface
public interface ConstantEvaluator {

  /** Computes nothing: only what follows without arithmetic on data is folded. */
  ConstantEvaluator NONE = (node, opset, inputs) -> null;

  /**
   * The outputs of a node.
   *
   * @param opset the version of the node's operator set
   * @param inputs in the node's order; null for an absent optional one
   * @return one tensor for each output, owned by the caller, or null when this node cannot be
   *     computed here
   */
  List<Tensor> evaluate(Node node, int opset, List<Tensor> inputs);
}
