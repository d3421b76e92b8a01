package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;

/**
 * Confined to one thread: how one way of lowering sees the values of a graph: for known shapes
 * ({@link StaticView}) or as rows of tokens and sequences ({@link SequenceView}).
 */
interface GraphView {

  /**
   * How a program holds a value.
   *
   * @throws NotLowerableException if it cannot
   */
  RowShape shape(String value);

  DataType type(String value);

  /** True for values whose content is known before a run. */
  boolean isConstant(String value);

  /** The content of a constant; what is stored in another form is decoded. */
  Tensor constant(String value);

  /**
   * The native operator for a node that has no lowering of its own.
   *
   * @throws NotLowerableException if there is none in this view
   */
  NativeCall call(Node node);

  /** The dimensions under which a constant takes part in an operation whose result is such. */
  long[] constantDimensions(String constant, RowShape result);
}
