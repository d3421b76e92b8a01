package io.github.demitasse.operator;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Thread-safe: recurrent layers. */
final class RecurrentOperators {
  /** In the order in which the native operators number them. */
  private static final List<Function> FUNCTIONS =
      List.of(
          new Function("tanh", null, null),
          new Function("sigmoid", null, null),
          new Function("relu", null, null),
          new Function("affine", 1f, 0f),
          new Function("leakyrelu", 0.01f, null),
          new Function("thresholdedrelu", 1f, null),
          new Function("scaledtanh", 1f, 1f),
          new Function("hardsigmoid", 0.2f, 0.5f),
          new Function("elu", 1f, null),
          new Function("softsign", null, null),
          new Function("softplus", null, null));

  private static final List<String> DIRECTIONS = List.of("forward", "reverse", "bidirectional");

  private RecurrentOperators() {}

  /** An activation function with the defaults of its parameters, null where it has none. */
  private record Function(String name, Float alpha, Float beta) {}

  /**
   * What tells one layer from another.
   *
   * @param gates how many matrices w and r hold
   * @param variant the attribute that is passed as the native variant
   * @param functions the default activation functions of a direction
   * @param inputs how many inputs there are at most
   */
  private record Kind(String name, int gates, String variant, List<String> functions, int inputs) {}

  static List<Operator> all() {
    return List.of(
        layer(new Kind("RNN", 1, "", List.of("Tanh"), 6)),
        layer(new Kind("GRU", 3, "linear_before_reset", List.of("Sigmoid", "Tanh"), 6)),
        layer(new Kind("LSTM", 4, "input_forget", List.of("Sigmoid", "Tanh", "Tanh"), 8)));
  }

  private static Operator layer(Kind kind) {
    return OperatorRule.of(kind.name(), c -> infer(c, kind), c -> lower(c, kind)).since(7);
  }

  private static int direction(Node node) {
    String text = node.text("direction", "forward");
    Arguments.require(DIRECTIONS.contains(text), "direction is '" + text + "'");
    return DIRECTIONS.indexOf(text);
  }

  private static boolean batchFirst(Node node) {
    return node.integer("layout", 0) != 0;
  }

  private static void infer(InferenceContext context, Kind kind) {
    Node node = context.node();
    Shape x = context.inputShape(0);
    Shape r = context.inputShape(2);
    Dimension hidden = hidden(node, r);
    requireWeights(context, kind, hidden);
    requireRecurrence(node, kind, r, context.inputShape(1));
    Dimension steps = Dimension.unknown();
    Dimension batch = Dimension.unknown();
    if (x != null) {
      Arguments.require(x.rank() == 3, "needs [steps, batch, inputs], given " + x);
      steps = x.dimension(batchFirst(node) ? 1 : 0);
      batch = x.dimension(batchFirst(node) ? 0 : 1);
    }
    Dimension directions = Dimension.of(direction(node) == 2 ? 2 : 1);
    Shape last =
        batchFirst(node)
            ? Shape.of(batch, directions, hidden)
            : Shape.of(directions, batch, hidden);
    context.output(
        0,
        context.inputType(0),
        batchFirst(node)
            ? Shape.of(batch, steps, directions, hidden)
            : Shape.of(steps, directions, batch, hidden));
    context.output(1, context.inputType(0), last);
    if (kind.gates() == 4) {
      context.output(2, context.inputType(0), last);
    }
  }

  private static Dimension hidden(Node node, Shape r) {
    long stated = node.integer("hidden_size", -1);
    if (r == null) {
      return stated < 0 ? Dimension.unknown() : Dimension.of(stated);
    }
    Arguments.require(r.rank() == 3, "the recurrence weights are " + r);
    Dimension hidden = r.dimension(2);
    Arguments.require(
        stated < 0 || !hidden.isKnown() || hidden.is(stated),
        "hidden_size is " + stated + ", the recurrence weights are " + r);
    return hidden;
  }

  private static void requireWeights(InferenceContext context, Kind kind, Dimension hidden) {
    Shape w = context.inputShape(1);
    Shape x = context.inputShape(0);
    if (w == null) {
      return;
    }
    Arguments.require(w.rank() == 3, "the weights are " + w);
    Dimension rows = DimensionArithmetic.multiply(hidden, Dimension.of(kind.gates()));
    boolean fits = agree(w.dimension(1), rows);
    if (x != null && x.rank() == 3) {
      fits &= agree(x.dimension(2), w.dimension(2));
    }
    Arguments.require(
        fits, "weights " + w + " do not fit " + hidden + " hidden units and the input " + x);
  }

  private static void requireRecurrence(Node node, Kind kind, Shape r, Shape w) {
    Dimension directions = Dimension.of(direction(node) == 2 ? 2 : 1);
    if (r != null) {
      Dimension rows = DimensionArithmetic.multiply(r.dimension(2), Dimension.of(kind.gates()));
      Arguments.require(
          agree(r.dimension(1), rows) && agree(r.dimension(0), directions),
          "the recurrence weights are "
              + r
              + ", "
              + directions
              + " directions of "
              + kind.gates()
              + " square matrices are needed");
    }
    Arguments.require(
        w == null || agree(w.dimension(0), directions),
        "the weights are " + w + ", " + directions + " directions are needed");
  }

  private static boolean agree(Dimension a, Dimension b) {
    return !a.isKnown() || !b.isKnown() || a.equals(b);
  }

  private static NativeCall lower(InferenceContext context, Kind kind) {
    Node node = context.node();
    int direction = direction(node);
    int directions = direction == 2 ? 2 : 1;
    List<String> names = names(node, kind, directions);
    List<Float> alphas = parameters(node, "activation_alpha");
    List<Float> betas = parameters(node, "activation_beta");
    long[] integers = new long[3 + names.size()];
    double[] floats = new double[1 + 2 * names.size()];
    integers[0] = batchFirst(node) ? 1 : 0;
    integers[1] = direction;
    integers[2] = kind.variant().isEmpty() ? 0 : node.integer(kind.variant(), 0);
    floats[0] = node.number("clip", 0);
    for (int i = 0; i < names.size(); i++) {
      Function function = function(names.get(i));
      integers[3 + i] = FUNCTIONS.indexOf(function);
      floats[1 + 2 * i] = next(alphas, function.alpha());
      floats[2 + 2 * i] = next(betas, function.beta());
    }
    Integer[] inputs = new Integer[kind.inputs()];
    Arrays.setAll(inputs, i -> context.hasInput(i) ? i : -1);
    return new NativeCall(kind.name(), List.of(inputs), integers, floats, false);
  }

  private static List<String> names(Node node, Kind kind, int directions) {
    List<String> names = new ArrayList<>();
    if (node.attributes().get("activations") instanceof Attribute.OfStrings given) {
      names.addAll(given.value());
    } else {
      for (int i = 0; i < directions; i++) {
        names.addAll(kind.functions());
      }
    }
    int count = directions * kind.functions().size();
    Arguments.require(
        names.size() == count, "activations " + names + " where " + count + " are needed");
    return names;
  }

  private static Function function(String name) {
    String wanted = name.toLowerCase(Locale.ROOT);
    for (Function function : FUNCTIONS) {
      if (function.name().equals(wanted)) {
        return function;
      }
    }
    throw new IllegalArgumentException("there is no activation function '" + name + "'");
  }

  /** Given for those functions that have the parameter, in their order. */
  private static List<Float> parameters(Node node, String attribute) {
    return node.attributes().get(attribute) instanceof Attribute.OfFloats given
        ? new ArrayList<>(given.value())
        : new ArrayList<>();
  }

  private static double next(List<Float> given, Float otherwise) {
    if (otherwise == null) {
      return 0;
    }
    return given.isEmpty() ? otherwise : given.remove(0);
  }
}
