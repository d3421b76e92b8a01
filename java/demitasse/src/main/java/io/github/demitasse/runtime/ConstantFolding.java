package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Thread-safe: computes the nodes on which shapes depend, where their inputs are constant. */
final class ConstantFolding {
  private ConstantFolding() {}

  /** The model, with shapes inferred and as many of them known as constants allow. */
  static SpecializedModel fold(Model model) {
    while (true) {
      GraphInference inference = GraphInference.of(model).requireSupported();
      Model folded = hasUnknownShape(model, inference) ? foldOnce(model, inference) : null;
      if (folded == null) {
        return new SpecializedModel(model, inference);
      }
      model = folded;
    }
  }

  private static boolean hasUnknownShape(Model model, GraphInference inference) {
    for (Node node : model.graph().nodes()) {
      for (String output : node.outputs()) {
        if (!output.isEmpty() && !isKnown(inference.value(output))) {
          return true;
        }
      }
    }
    return false;
  }

  private static boolean isKnown(ValueInfo value) {
    return value.type() != null && value.shape() != null && value.shape().isKnown();
  }

  /** The model without the nodes all of whose inputs are constant; null if there is none. */
  private static Model foldOnce(Model model, GraphInference inference) {
    Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
    List<Node> kept = new ArrayList<>();
    for (Node node : model.graph().nodes()) {
      List<Tensor> results = evaluate(node, model, inference, weights);
      if (results == null) {
        kept.add(node);
        continue;
      }
      for (int i = 0; i < node.outputs().size(); i++) {
        if (node.hasOutput(i)) {
          weights.put(node.output(i), new DenseWeight(results.get(i)));
        }
      }
    }
    boolean changed = kept.size() < model.graph().nodes().size();
    return changed ? new Model(model.graph().withNodes(kept), weights, model.metadata()) : null;
  }

  private static List<Tensor> evaluate(
      Node node, Model model, GraphInference inference, Map<String, Weight> weights) {
    if (node.domain().equals(Domains.DEMITASSE)) {
      return null;
    }
    List<Tensor> inputs = new ArrayList<>();
    for (String input : node.inputs()) {
      Tensor constant = null;
      if (!input.isEmpty()) {
        constant =
            weights.get(input) instanceof DenseWeight dense && dense.type() == dense.tensor().type()
                ? dense.tensor()
                : inference.constant(input);
        if (constant == null) {
          return null;
        }
      }
      inputs.add(constant);
    }
    return NodeEvaluator.evaluate(node, model.graph().opset(node), inputs);
  }
}
