package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/**
 * Confined to one thread: a node with all that is known of its inputs, and a place for its outputs.
 */
public interface InferenceContext {

  Node node();

  /** The version of the node's operator set. */
  int opset();

  boolean hasInput(int index);

  /** The element type of an input; null when not known. */
  DataType inputType(int index);

  /** The shape of an input; null when not even its rank is known. */
  Shape inputShape(int index);

  /** The content of an input that is constant (a weight or computed from constants), else null. */
  Tensor inputConstant(int index);

  /**
   * The content of a one-dimensional or scalar integer input as dimensions: known numbers (which
   * may be negative here), or symbols where it was computed from a shape (Shape, Gather, Concat
   * ...); null when not known at all.
   */
  List<Dimension> inputDimensions(int index);

  void output(int index, DataType type, Shape shape);

  /** States that an integer output of rank 0 or 1 holds these dimensions. */
  void outputDimensions(int index, List<Dimension> content);

  /** States that an output is this constant. */
  void outputConstant(int index, Tensor value);

  /** In {@link Operator#lower}: the inferred type and shape of an output. */
  DataType outputType(int index);

  Shape outputShape(int index);
}
