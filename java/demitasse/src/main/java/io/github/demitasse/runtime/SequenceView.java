package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.operator.StatedValues;
import io.github.demitasse.operator.ValueFacts;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
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
  private final Model model;
  private final ValueFacts values;
  private final Dimension batch;
  private final Dimension sequence;
  private final Map<String, RowShape> shapes = new HashMap<>();

  private SequenceView(Model model, ValueFacts values, Dimension batch, Dimension sequence) {
    this.model = model;
    this.values = values;
    this.batch = batch;
    this.sequence = sequence;
  }

  /**
   * The view of a graph that states its values, in the symbols of its inputs; null if they do not
   * agree on batch and sequence or not all is stated. A graph may state what is no longer true: the
   * native builder checks all shapes, and {@link #of} finds out anew.
   *
   * @throws IllegalArgumentException if the graph contradicts itself
   */
  static SequenceView ofStated(Model model) {
    Dimension batch = null;
    Dimension sequence = null;
    for (ValueInfo input : model.graph().inputs()) {
      Shape shape = input.withNames().shape();
      if (shape == null || shape.rank() == 0 || !isSame(batch, shape.dimension(0))) {
        return null;
      }
      batch = shape.dimension(0);
      int axis = sequenceAxis(shape);
      if (axis > 0) {
        if (!isSame(sequence, shape.dimension(axis)) || shape.dimension(axis).equals(batch)) {
          return null;
        }
        sequence = shape.dimension(axis);
      }
    }
    if (batch == null || model.graph().values().isEmpty()) {
      return null;
    }
    StatedValues values = StatedValues.of(model);
    return values == null ? null : new SequenceView(model, values, batch, sequence);
  }

  private static boolean isSame(Dimension known, Dimension other) {
    return other instanceof Dimension.Symbol && (known == null || known.equals(other));
  }

  /**
   * The view of a graph all inputs of which have a symbolic batch dimension, or all one of 1, as of
   * graphs exported for single samples; null for others.
   */
  static SequenceView of(Model model) {
    // Names that no file uses: declared ones may be the same for batch and sequence.
    Dimension batch = Dimension.symbol("#batch");
    Dimension sequenceName = Dimension.symbol("#sequence");
    Map<String, Shape> inputs = new HashMap<>();
    int single = 0;
    for (ValueInfo input : model.graph().inputs()) {
      Shape shape = input.shape();
      if (shape == null || shape.rank() == 0) {
        return null;
      }
      if (shape.dimension(0).is(1)) {
        single++;
      } else if (shape.dimension(0).isKnown()) {
        return null;
      }
      Dimension[] dimensions = shape.dimensions().toArray(new Dimension[0]);
      dimensions[0] = batch;
      int sequence = sequenceAxis(shape);
      if (sequence > 0) {
        dimensions[sequence] = sequenceName;
      }
      inputs.put(input.name(), Shape.of(dimensions));
    }
    if (single != 0 && single != inputs.size()) {
      return null;
    }
    try {
      GraphInference inference = GraphInference.of(model, inputs).requireSupported();
      return new SequenceView(model, inference, batch, sequenceName);
    } catch (IllegalArgumentException otherBatches) {
      RuntimeLog.debug("'{}' takes no batches: {}", model.graph().name(), otherBatches);
      return null;
    }
  }

  /**
   * The view of a graph whose inputs are batches of samples of known shapes, so that every value of
   * a sample is a row; null if the graph takes no other batches than these.
   */
  static SequenceView ofSamples(Model model, Tensor[] inputs) {
    Dimension batch = Dimension.symbol("#batch");
    Map<String, Shape> shapes = new HashMap<>();
    for (int i = 0; i < inputs.length; i++) {
      Dimension[] dimensions = Shape.of(inputs[i].shape()).dimensions().toArray(new Dimension[0]);
      dimensions[0] = batch;
      shapes.put(model.graph().inputs().get(i).name(), Shape.of(dimensions));
    }
    try {
      return new SequenceView(model, GraphInference.of(model, shapes), batch, null);
    } catch (IllegalArgumentException otherBatches) {
      return null;
    }
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
    return values.value(value).shape();
  }

  boolean isBatch(Dimension dimension) {
    return dimension.equals(batch);
  }

  boolean isSequence(Dimension dimension) {
    return dimension.equals(sequence);
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
  private int leadingAxes(Shape shape) {
    int first = 0;
    while (first < shape.rank() && shape.dimension(first).is(1)) {
      first++;
    }
    if (first == shape.rank()) {
      return -1;
    }
    if (isSequence(shape.dimension(first))) {
      return first + 1;
    }
    if (!isBatch(shape.dimension(first))) {
      return -1;
    }
    int second = first + 1;
    while (second < shape.rank() && shape.dimension(second).is(1)) {
      second++;
    }
    boolean tokens = second < shape.rank() && isSequence(shape.dimension(second));
    return tokens ? second + 1 : first + 1;
  }

  /** True when the value has a row for each sequence of a batch, not one for all of them. */
  boolean hasBatch(String value) {
    Shape shape = symbolicShape(value);
    return shape != null && shape.dimensions().contains(batch);
  }

  @Override
  public DataType type(String value) {
    return values.value(value).type();
  }

  @Override
  public boolean isConstant(String value) {
    return model.weights().containsKey(value) || values.constant(value) != null;
  }

  @Override
  public Tensor constant(String value) {
    return values.constant(value);
  }

  int opset(Node node) {
    return model.graph().opset(node);
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
    long[] all = values.value(constant).shape().sizes();
    int surplus = Math.max(0, all.length - result.dimensions().length);
    for (int i = 0; i < surplus; i++) {
      if (all[i] != 1) {
        throw new NotLowerableException("'" + constant + "' differs between rows");
      }
    }
    return Arrays.copyOfRange(all, surplus, all.length);
  }
}
