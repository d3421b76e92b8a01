package io.github.demitasse.operator;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.UnsupportedOperatorException.Missing;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to one thread: element types and shapes of all values of a graph, and the content of
 * those that follow from constants and shapes, found by asking each node's {@link Operator} in
 * order.
 *
 * <p>Symbolic dimensions of the inputs keep their names through the graph; an unnamed dimension of
 * an input gets the name {@code input[axis]}. Exporters are known to give all dynamic dimensions
 * one name, so a name that occurs again in one input's shape is taken for another size: {@code
 * [batch, batch]} becomes {@code [batch, batch[1]]}. Operators that Demitasse does not have are
 * collected in {@link #missing()}; what depends on them is unknown.
 */
public final class GraphInference implements ValueFacts {
  /** Longer integer tensors are data, not shapes. */
  static final int LONGEST_CONTENT = 1024;

  /** More dimensions than any real value has. */
  private static final int HIGHEST_RANK = 64;

  private final Model model;
  private final Map<String, ValueInfo> values = new LinkedHashMap<>();
  private final Map<String, Tensor> constants = new HashMap<>();
  private final Map<String, List<Dimension>> contents = new HashMap<>();
  private final List<Missing> missing = new ArrayList<>();

  private GraphInference(Model model) {
    this.model = model;
  }

  /**
   * Inference with the shapes the graph declares for its inputs.
   *
   * @throws IllegalArgumentException if a node's inputs do not fit, naming node and shapes
   */
  public static GraphInference of(Model model) {
    return of(model, Map.of());
  }

  /**
   * Inference with other shapes for some inputs.
   *
   * @throws IllegalArgumentException if a shape contradicts the declared one or the size that
   *     another input gives the same symbol, or a node's inputs do not fit
   */
  public static GraphInference of(Model model, Map<String, Shape> inputShapes) {
    return new GraphInference(model).run(inputShapes, Map.of());
  }

  /**
   * Inference for inputs that are at hand: their content is known too, so that even shapes that
   * come from data (Reshape by an input) are.
   */
  public static GraphInference ofInputs(Model model, Map<String, Tensor> inputs) {
    Map<String, Shape> shapes = new HashMap<>();
    inputs.forEach((name, tensor) -> shapes.put(name, Shape.of(tensor.shape())));
    return new GraphInference(model).run(shapes, inputs);
  }

  /** Operators and uses of operators that are not supported, in graph order. */
  public List<Missing> missing() {
    return Collections.unmodifiableList(missing);
  }

  /**
   * This, if all operators are supported.
   *
   * @throws UnsupportedOperatorException naming all that are not
   */
  public GraphInference requireSupported() {
    if (!missing.isEmpty()) {
      throw new UnsupportedOperatorException(missing);
    }
    return this;
  }

  /** Every value: inputs and weights, then the nodes' outputs in order. */
  public Map<String, ValueInfo> values() {
    return Collections.unmodifiableMap(values);
  }

  @Override
  public ValueInfo value(String name) {
    ValueInfo value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("the graph has no value '" + name + "'");
    }
    return value;
  }

  /**
   * The content of an integer value of rank 0 or 1, as numbers and symbols; null when not known.
   */
  public List<Dimension> content(String name) {
    List<Dimension> content = contents.get(name);
    if (content == null && model.weights().containsKey(name)) {
      Weight weight = model.weights().get(name);
      if (weight.type().isInteger() && weight.shape().length <= 1) {
        content = contentOf(constant(name));
        if (content != null) {
          contents.put(name, content);
        }
      }
    }
    return content;
  }

  /** The content of a value that is constant for these input shapes; null for others. */
  @Override
  public Tensor constant(String name) {
    Tensor constant = constants.get(name);
    if (constant != null) {
      return constant;
    }
    Weight weight = model.weights().get(name);
    if (weight != null) {
      constant = ValueFacts.content(weight);
    } else if (contents.containsKey(name)) {
      constant = tensorOf(values.get(name), contents.get(name));
    }
    if (constant != null) {
      constants.put(name, constant);
    }
    return constant;
  }

  /** The node with its inferred outputs, as {@link Operator#lower} wants it. */
  public InferenceContext context(Node node) {
    return new NodeContext(this, node, opset(node));
  }

  private int opset(Node node) {
    return model.graph().opset(node);
  }

  // ---- the pass over the graph

  private GraphInference run(Map<String, Shape> inputShapes, Map<String, Tensor> inputs) {
    Graph graph = model.graph();
    Map<String, Dimension> symbols = new HashMap<>();
    for (ValueInfo input : graph.inputs()) {
      define(bind(input, inputShapes.get(input.name()), symbols));
    }
    if (!symbols.isEmpty()) { // a symbol may be bound by a later input than it is first used in
      for (ValueInfo input : graph.inputs()) {
        define(substitute(value(input.name()), symbols));
      }
    }
    for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
      String name = input.getKey();
      Tensor tensor = input.getValue();
      DataType declared = value(name).type();
      if (declared != null && declared != tensor.type()) {
        throw new IllegalArgumentException(
            "input '" + name + "' has the type " + declared + ", given " + tensor);
      }
      define(new ValueInfo(value(name).name(), tensor.type(), value(name).shape()));
      defineConstant(name, tensor);
    }
    for (Map.Entry<String, Weight> entry : model.weights().entrySet()) {
      Weight weight = entry.getValue();
      define(new ValueInfo(entry.getKey(), weight.type(), Shape.of(weight.shape())));
    }
    Set<String> undetermined = new HashSet<>();
    for (Node node : graph.nodes()) {
      infer(node, undetermined);
    }
    return this;
  }

  private void infer(Node node, Set<String> undetermined) {
    boolean follows = false;
    for (String input : node.inputs()) {
      if (!input.isEmpty() && !values.containsKey(input)) {
        throw new IllegalArgumentException(
            describe(node) + " reads '" + input + "', which nothing before it produces");
      }
      follows |= undetermined.contains(input);
    }
    Operator operator = Operators.find(node.domain(), node.operator());
    String reason = reasonAgainst(node, operator);
    if (reason != null) {
      missing.add(new Missing(node.name(), node.qualifiedOperator(), opset(node), reason));
    } else if (!follows) {
      try {
        operator.infer(context(node));
      } catch (UnsupportedOperatorException unsupported) {
        missing.addAll(unsupported.missing());
        reason = "";
      } catch (IllegalArgumentException
          | ArithmeticException
          | IndexOutOfBoundsException unfit) { // a broken file may have any rank anywhere
        throw new IllegalArgumentException(describe(node) + ": " + unfit.getMessage(), unfit);
      }
    }
    for (String output : node.outputs()) {
      if (output.isEmpty()) {
        continue;
      }
      if (follows || reason != null) {
        undetermined.add(output);
        contents.remove(output);
        constants.remove(output);
        values.put(output, new ValueInfo(output, null, null));
      } else if (!values.containsKey(output)) {
        throw new IllegalArgumentException(describe(node) + " has no output '" + output + "'");
      }
    }
  }

  private static String describe(Node node) {
    return "node '" + node.name() + "' (" + node.qualifiedOperator() + ")";
  }

  /** Why the node cannot be handled: "" for an operator that is not known; null when it can. */
  private String reasonAgainst(Node node, Operator operator) {
    for (Attribute attribute : node.attributes().values()) {
      if (attribute instanceof Attribute.OfGraph) {
        return "subgraphs are not supported";
      }
    }
    if (operator == null) {
      return "";
    }
    if (opset(node) < operator.sinceOpset()) {
      return "needs opset " + operator.sinceOpset() + " or newer";
    }
    return null;
  }

  void define(ValueInfo value) {
    if (value.shape() != null && value.shape().rank() > HIGHEST_RANK) {
      throw new IllegalArgumentException(
          "'" + value.name() + "' has " + value.shape().rank() + " dimensions");
    }
    values.put(value.name(), value);
  }

  void defineContent(String name, List<Dimension> content) {
    if (content != null && content.size() <= LONGEST_CONTENT) {
      contents.put(name, List.copyOf(content));
    }
  }

  void defineConstant(String name, Tensor value) {
    constants.put(name, value);
    defineContent(name, contentOf(value));
  }

  // ---- inputs

  private static ValueInfo bind(ValueInfo input, Shape given, Map<String, Dimension> symbols) {
    Shape declared = input.withNames().shape();
    if (given == null) {
      return new ValueInfo(input.name(), input.type(), declared);
    }
    boolean fits = declared == null || declared.rank() == given.rank();
    for (int axis = 0; fits && declared != null && axis < given.rank(); axis++) {
      Dimension wanted = declared.dimension(axis);
      Dimension size = given.dimension(axis);
      if (wanted instanceof Dimension.Symbol symbol && size.isKnown()) {
        Dimension bound = symbols.putIfAbsent(symbol.name(), size);
        if (bound != null && !bound.equals(size)) {
          throw new IllegalArgumentException(
              "input '"
                  + input.name()
                  + "' of shape "
                  + given
                  + ": dimension "
                  + axis
                  + " is '"
                  + symbol
                  + "', which is "
                  + bound
                  + " in another input");
        }
      } else if (wanted.isKnown() && size.isKnown()) {
        fits = wanted.equals(size);
      }
    }
    if (!fits) {
      throw new IllegalArgumentException(
          "input '" + input.name() + "' has the shape " + input.shape() + ", given " + given);
    }
    return new ValueInfo(input.name(), input.type(), given);
  }

  private static ValueInfo substitute(ValueInfo input, Map<String, Dimension> symbols) {
    if (input.shape() == null) {
      return input;
    }
    List<Dimension> dimensions =
        input.shape().dimensions().stream()
            .map(d -> d instanceof Dimension.Symbol s ? symbols.getOrDefault(s.name(), d) : d)
            .toList();
    return new ValueInfo(input.name(), input.type(), new Shape(dimensions));
  }

  // ---- contents

  private static List<Dimension> contentOf(Tensor tensor) {
    if (!tensor.type().isInteger() || tensor.rank() > 1 || tensor.elements() > LONGEST_CONTENT) {
      return null;
    }
    return Arrays.stream(tensor.toLongs()).mapToObj(Dimension::of).toList();
  }

  private static Tensor tensorOf(ValueInfo info, List<Dimension> content) {
    if (info.shape() == null || !content.stream().allMatch(Dimension::isKnown)) {
      return null;
    }
    long[] numbers = content.stream().mapToLong(Dimension::size).toArray();
    long[] shape = info.shape().rank() == 0 ? new long[0] : new long[] {numbers.length};
    if (info.type() == DataType.INT64) {
      return Tensor.of(numbers, shape);
    }
    if (info.type() == DataType.INT32) {
      return Tensor.of(Arrays.stream(numbers).mapToInt(number -> (int) number).toArray(), shape);
    }
    return null;
  }
}
