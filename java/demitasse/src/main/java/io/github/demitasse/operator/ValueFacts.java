package io.github.demitasse.operator;

import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;

/** Confined to one thread: what is known of the values of a graph. */
public interface ValueFacts {
  /**
   * What is known of a value; type and shape may be null.
   *
   * @throws IllegalArgumentException if the graph has no such value
   */
  ValueInfo value(String name);

  /** The content of a value that is constant; null for others. */
  Tensor constant(String name);

  /** The logical content of a weight: its own tensor where it is stored as it is. */
  static Tensor content(Weight weight) {
    return weight instanceof DenseWeight dense && dense.tensor().type() == weight.type()
        ? dense.tensor()
        : weight.dequantize();
  }
}
