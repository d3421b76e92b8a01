package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/** Confined to one thread: one node seen against the values of a {@link GraphInference}. */
final class NodeContext implements InferenceContext {
  private final GraphInference graph;
  private final Node node;
  private final int opset;

  NodeContext(GraphInference graph, Node node, int opset) {
    this.graph = graph;
    this.node = node;
    this.opset = opset;
  }

  @Override
  public Node node() {
    return node;
  }

  @Override
  public int opset() {
    return opset;
  }

  @Override
  public boolean hasInput(int index) {
    return node.hasInput(index);
  }

  private ValueInfo input(int index) {
    if (!node.hasInput(index)) {
      throw new IllegalArgumentException("input " + index + " is missing from " + node.inputs());
    }
    return graph.value(node.input(index));
  }

  @Override
  public DataType inputType(int index) {
    return input(index).type();
  }

  @Override
  public Shape inputShape(int index) {
    return input(index).shape();
  }

  @Override
  public Tensor inputConstant(int index) {
    return node.hasInput(index) ? graph.constant(node.input(index)) : null;
  }

  @Override
  public List<Dimension> inputDimensions(int index) {
    return node.hasInput(index) ? graph.content(node.input(index)) : null;
  }

  @Override
  public void output(int index, DataType type, Shape shape) {
    if (node.hasOutput(index)) {
      graph.define(new ValueInfo(node.output(index), type, shape));
    }
  }

  @Override
  public void outputDimensions(int index, List<Dimension> content) {
    if (node.hasOutput(index)) {
      graph.defineContent(node.output(index), content);
    }
  }

  @Override
  public void outputConstant(int index, Tensor value) {
    if (node.hasOutput(index)) {
      graph.defineConstant(node.output(index), value);
    }
  }

  @Override
  public DataType outputType(int index) {
    return node.hasOutput(index) ? graph.value(node.output(index)).type() : null;
  }

  @Override
  public Shape outputShape(int index) {
    return node.hasOutput(index) ? graph.value(node.output(index)).shape() : null;
  }
}
