package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Immutable: a model for inputs of given shapes, some of which have become constants.
 *
 * @param inference of that model
 */
record SpecializedModel(Model model, GraphInference inference) {
  /** Inputs that decide about shapes are no larger. */
  private static final long MAX_ELEMENTS = 1024;

  /**
   * The model for these inputs.
   *
   * @param byContent which inputs are constants
   */
  static SpecializedModel of(Model model, Tensor[] inputs, boolean[] byContent) {
    Graph graph = model.graph();
    List<ValueInfo> infos = new ArrayList<>(inputs.length);
    Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
    for (int i = 0; i < inputs.length; i++) {
      String name = graph.inputs().get(i).name();
      infos.add(new ValueInfo(name, inputs[i].type(), Shape.of(inputs[i].shape())));
      if (byContent[i]) {
        weights.put(name, new DenseWeight(inputs[i].copy()));
      }
    }
    Graph shaped =
        new Graph(
            graph.name(), graph.opsets(), infos, graph.outputs(), graph.nodes(), graph.values());
    return ConstantFolding.fold(new Model(shaped, weights, model.metadata()));
  }

  /**
   * The next inputs to try as constants: small ones, first those of integers, then all; null when
   * none is left.
   */
  static boolean[] moreByContent(Tensor[] inputs, boolean[] byContent) {
    for (boolean integersOnly : new boolean[] {true, false}) {
      boolean[] more = byContent.clone();
      boolean found = false;
      for (int i = 0; i < more.length; i++) {
        boolean fits =
            inputs[i].rank() <= 1
                && inputs[i].elements() <= MAX_ELEMENTS
                && (!integersOnly || inputs[i].type().isInteger() || isBool(inputs[i]));
        found |= fits && !more[i];
        more[i] |= fits;
      }
      if (found) {
        return more;
      }
    }
    return null;
  }

  private static boolean isBool(Tensor tensor) {
    return tensor.type() == DataType.BOOL;
  }
}
