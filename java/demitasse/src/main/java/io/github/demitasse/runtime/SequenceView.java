package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: a graph whose values are rows, one per token or one per sequence, so that
 * one program serves all batches.
 *
 * <p>The first two dimensions of the inputs that are not 1 are taken as batch and sequence, unless
 * the second is a known size. A value of shape [batch, 1.., sequence, ..] has a row per token, one
 * of shape [batch, ..] a row per sequence, and what follows these dimensions, which must be known
 * sizes, is the shape of a row.
 */
final class SequenceView implements GraphView {
  /** Names that no file uses: declared ones may be the same for batch and sequence. */
  private static final Dimension BATCH = Dimension.symbol("#batch");

  private static final Dimension SEQUENCE = Dimension.symbol("#sequence");

  private final Model model;
  private final GraphInference inference;
  private final Map<String, RowShape> shapes = new HashMap<>();

  private SequenceView(Model model, GraphInference inference) {
    this.model = model;
    this.inference = inference;
  }

  /**
   * The view of a graph with a symbolic batch dimension, or null if there is none in all inputs.
   */
  static SequenceView of(Model model) {
    Map<String, Shape> inputs = new HashMap<>();
    for (ValueInfo input : model.graph().inputs()) {
      Shape shape = input.shape();
      if (shape == null || shape.rank() == 0 || shape.dimension(0).isKnown()) {
        return null;
      }
      Dimension[] dimensions = shape.dimensions().toArray(new Dimension[0]);
      dimensions[0] = BATCH;
      int sequence = sequenceAxis(shape);
      if (sequence > 0) {
        dimensions[sequence] = SEQUENCE;
      }
      inputs.put(input.name(), Shape.of(dimensions));
    }
    return new SequenceView(model, GraphInference.of(model, inputs).requireSupported());
  }

  /** The axis of an input [batch, 1.., sequence, ..] that counts tokens; -1 if there is none. */
  static int sequenceAxis(Shape input) {
    int axis = 1;
    while (axis < input.rank() && input.dimension(axis).is(1)) {
      axis++;
    }
    return axis < input.rank() && !input.dimension(axis).isKnown() ? axis : -1;
  }

  /** The symbolic shape of a value: known sizes, batch and sequence. */
  Shape symbolicShape(String value) {
    return inference.value(value).shape();
  }

  static boolean isBatch(Dimension dimension) {
    return dimension.equals(BATCH);
  }

  static boolean isSequence(Dimension dimension) {
    return dimension.equals(SEQUENCE);
  }

  @Override
  public RowShape shape(String value) {
    RowShape known = shapes.get(value);
    if (known == null) {
      known = rowShape(value);
      shapes.put(value, known);
    }
    return known;
  }

  private RowShape rowShape(String value) {
    Shape shape = symbolicShape(value);
    if (isConstant(value)) {
      return RowShape.ofStatic(shape.sizes());
    }
    int first = shape == null ? -1 : leadingAxes(shape);
    if (first < 0 || type(value) == null) {
      throw new NotLowerableException("'" + value + "' " + shape + " is no value per row");
    }
    long[] dimensions = new long[shape.rank() - first];
    for (int i = 0; i < dimensions.length; i++) {
      if (!shape.dimension(first + i).isKnown()) {
        throw new NotLowerableException("'" + value + "' " + shape + " is no value per row");
      }
      dimensions[i] = shape.dimension(first + i).size();
    }
    boolean tokens = isSequence(shape.dimension(first - 1));
    return new RowShape(
        tokens ? Demitasse.DMT_ROWS_TOKENS : Demitasse.DMT_ROWS_SEQUENCES, dimensions);
  }

  /**
   * How many axes count rows: 1.., batch, and if there is one 1.., sequence. Without a batch axis
   * the rows are those of any sequence, such as position embeddings. -1 if there are none.
   */
  private static int leadingAxes(Shape shape) {
    int batch = 0;
    while (batch < shape.rank() && shape.dimension(batch).is(1)) {
      batch++;
    }
    if (batch == shape.rank()) {
      return -1;
    }
    if (isSequence(shape.dimension(batch))) {
      return batch + 1;
    }
    if (!isBatch(shape.dimension(batch))) {
      return -1;
    }
    int sequence = batch + 1;
    while (sequence < shape.rank() && shape.dimension(sequence).is(1)) {
      sequence++;
    }
    boolean tokens = sequence < shape.rank() && isSequence(shape.dimension(sequence));
    return tokens ? sequence + 1 : batch + 1;
  }

  /** True when the value has a row for each sequence of a batch, not one for all of them. */
  boolean hasBatch(String value) {
    Shape shape = symbolicShape(value);
    return shape != null && shape.dimensions().contains(BATCH);
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

  int opset(Node node) {
    return node.domain().equals(Domains.ONNX)
        ? model.graph().opset()
        : model.graph().opsets().getOrDefault(node.domain(), 1);
  }

  @Override
  public NativeCall call(Node node) {
    NativeCall call = RowOperators.call(node, this);
    if (call == null) {
      throw new NotLowerableException(node + " does not work row by row");
    }
    return call;
  }

  /**
   * A constant without the axes that stand beside those that count rows; they must be 1.
   *
   * @throws NotLowerableException if they are not
   */
  @Override
  public long[] constantDimensions(String constant, RowShape result) {
    long[] all = inference.value(constant).shape().sizes();
    int surplus = Math.max(0, all.length - result.dimensions().length);
    for (int i = 0; i < surplus; i++) {
      if (all[i] != 1) {
        throw new NotLowerableException("'" + constant + "' differs between rows");
      }
    }
    return Arrays.copyOfRange(all, surplus, all.length);
  }

  /** The inputs of a node as dimensions; null where not known. */
  List<Dimension> content(String value) {
    return inference.content(value);
  }
}
