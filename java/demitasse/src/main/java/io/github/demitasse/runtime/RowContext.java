package io.github.demitasse.runtime;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.operator.InferenceContext;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/**
 * Confined to one thread: a node as native code sees it in a program over rows: each value has its
 * row count in front of the dimensions of a row.
 */
final class RowContext implements InferenceContext {
  private final Node node;
  private final SequenceView view;
  private final long rows;
  private final Tensor secondInput;

  /**
   * A node with a number of rows.
   *
   * @param secondInput in place of the constant that the node has there, or null
   */
  RowContext(Node node, SequenceView view, long rows, Tensor secondInput) {
    this.node = node;
    this.view = view;
    this.rows = rows;
    this.secondInput = secondInput;
  }

  @Override
  public Node node() {
    return node;
  }

  @Override
  public int opset() {
    return view.opset(node);
  }

  @Override
  public boolean hasInput(int index) {
    return node.hasInput(index);
  }

  @Override
  public DataType inputType(int index) {
    return view.type(node.input(index));
  }

  @Override
  public Shape inputShape(int index) {
    String input = node.input(index);
    return view.isConstant(input)
        ? Shape.of(view.constantDimensions(input, view.shape(node.output(0))))
        : withRows(view.shape(input));
  }

  @Override
  public Tensor inputConstant(int index) {
    if (index == 1 && secondInput != null) {
      return secondInput;
    }
    return node.hasInput(index) && view.isConstant(node.input(index))
        ? view.constant(node.input(index))
        : null;
  }

  @Override
  public List<Dimension> inputDimensions(int index) {
    Tensor constant = inputConstant(index);
    if (constant == null || !constant.type().isInteger() || constant.rank() > 1) {
      return null;
    }
    Dimension[] content = new Dimension[(int) constant.elements()];
    long[] values = constant.toLongs();
    for (int i = 0; i < content.length; i++) {
      content[i] = Dimension.of(values[i]);
    }
    return List.of(content);
  }

  @Override
  public DataType outputType(int index) {
    return node.hasOutput(index) ? view.type(node.output(index)) : null;
  }

  @Override
  public Shape outputShape(int index) {
    return node.hasOutput(index) ? withRows(view.shape(node.output(index))) : null;
  }

  private Shape withRows(RowShape shape) {
    long[] all = new long[shape.dimensions().length + 1];
    all[0] = rows;
    System.arraycopy(shape.dimensions(), 0, all, 1, shape.dimensions().length);
    return Shape.of(all);
  }

  @Override
  public void output(int index, DataType type, Shape shape) {
    throw new UnsupportedOperationException("the outputs have been inferred");
  }

  @Override
  public void outputDimensions(int index, List<Dimension> content) {
    throw new UnsupportedOperationException("the outputs have been inferred");
  }

  @Override
  public void outputConstant(int index, Tensor value) {
    throw new UnsupportedOperationException("the outputs have been inferred");
  }
}
