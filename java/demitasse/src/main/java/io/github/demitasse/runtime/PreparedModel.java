package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Thread-safe: a model as sessions run it: rewritten unless it is already. Closing gives back the
 * memory of weights that rewriting made; the original's are left alone.
 */
final class PreparedModel implements AutoCloseable {
  private final Model original;
  private final Model model;

  PreparedModel(Model original) {
    this.original = original;
    this.model =
        isRewritten(original) ? original : Rewrites.apply(original, NodeEvaluator::evaluateIfKnown);
  }

  /** A graph with fused operators that states all its values comes from rewriting. */
  private static boolean isRewritten(Model model) {
    Map<String, ValueInfo> values = model.graph().values();
    boolean fused = false;
    boolean stated = true;
    for (Node node : model.graph().nodes()) {
      fused |= node.domain().equals(Domains.DEMITASSE);
      for (String output : node.outputs()) {
        stated &= output.isEmpty() || values.containsKey(output);
      }
    }
    return fused && stated;
  }

  Model model() {
    return model;
  }

  @Override
  public void close() {
    if (model == original) {
      return;
    }
    Set<Tensor> foreign = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Weight weight : original.weights().values()) {
      foreign.addAll(weight.parts().values());
    }
    for (Node node : original.graph().nodes()) {
      for (Attribute attribute : node.attributes().values()) {
        if (attribute instanceof Attribute.OfTensor tensor) {
          foreign.add(tensor.value());
        }
      }
    }
    for (Weight weight : model.weights().values()) {
      for (Tensor tensor : weight.parts().values()) {
        if (!foreign.contains(tensor)) {
          tensor.close();
        }
      }
    }
  }
}
