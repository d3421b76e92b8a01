package io.github.demitasse.operator;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.util.HashMap;
import java.util.Map;

/**
 * Confined to one thread: the values of a graph as it states them itself, so that nothing need be
 * inferred. A graph may have been changed since it was stated: what is built with these has to be
 * checked.
 */
public final class StatedValues implements ValueFacts {
  private final Model model;
  private final Map<String, ValueInfo> inputs = new HashMap<>();
  private final Map<String, Tensor> constants = new HashMap<>();

  private StatedValues(Model model) {
    this.model = model;
    for (ValueInfo input : model.graph().inputs()) {
      inputs.put(input.name(), input.withNames());
    }
  }

  /** Null unless the graph states type and shape, of sizes and symbols, of all that nodes give. */
  public static StatedValues of(Model model) {
    Map<String, ValueInfo> values = model.graph().values();
    for (Node node : model.graph().nodes()) {
      for (String output : node.outputs()) {
        if (!output.isEmpty() && !isComplete(values.get(output))) {
          return null;
        }
      }
    }
    return new StatedValues(model);
  }

  private static boolean isComplete(ValueInfo value) {
    if (value == null || value.type() == null || value.shape() == null) {
      return false;
    }
    for (Dimension dimension : value.shape().dimensions()) {
      if (dimension instanceof Dimension.Unknown) {
        return false;
      }
    }
    return true;
  }

  @Override
  public ValueInfo value(String name) {
    ValueInfo value = model.graph().values().get(name);
    if (value == null) {
      value = inputs.get(name);
    }
    if (value == null) {
      Weight weight = model.weights().get(name);
      if (weight == null) {
        throw new IllegalArgumentException("the graph has no value '" + name + "'");
      }
      value = new ValueInfo(name, weight.type(), Shape.of(weight.shape()));
    }
    return value;
  }

  @Override
  public Tensor constant(String name) {
    Tensor constant = constants.get(name);
    if (constant == null && model.weights().containsKey(name)) {
      constant = ValueFacts.content(model.weights().get(name));
      constants.put(name, constant);
    }
    return constant;
  }
}
