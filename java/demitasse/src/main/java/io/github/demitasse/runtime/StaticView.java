package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.operator.Operator;
import io.github.demitasse.operator.Operators;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;

/** Confined to one thread: a graph whose input shapes are all known. */
final class StaticView implements GraphView {
  private final Model model;
  private final GraphInference inference;

  StaticView(Model model, GraphInference inference) {
    this.model = model;
    this.inference = inference;
  }

  @Override
  public RowShape shape(String value) {
    ValueInfo info = inference.value(value);
    Shape shape = info.shape();
    if (info.type() == null || shape == null || !shape.isKnown()) {
      throw new NotLowerableException("the shape of '" + value + "' depends on data");
    }
    return RowShape.ofStatic(shape.sizes());
  }

  @Override
  public DataType type(String value) {
    return inference.value(value).type();
  }

  @Override
  public boolean isConstant(String value) {
    return model.weights().containsKey(value) || inference.constant(value) != null;
  }

  @Override
  public Tensor constant(String value) {
    return inference.constant(value);
  }

  @Override
  public NativeCall call(Node node) {
    Operator operator = Operators.find(node.domain(), node.operator());
    return operator.lower(inference.context(node));
  }

  @Override
  public long[] constantDimensions(String constant, RowShape result) {
    return inference.value(constant).shape().sizes();
  }
}
