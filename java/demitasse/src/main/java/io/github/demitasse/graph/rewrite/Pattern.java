package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import java.util.List;

/**
 * Immutable and thread-safe: a tree of operators to be found above a value. A capture name that
 * occurs twice must stand for the same value at both places.
 */
interface Pattern {

  /** Looks for the pattern above {@code value}; leaves {@code match} as it was when it fails. */
  boolean matches(String value, Match match);

  /** Any value, captured. */
  static Pattern any(String capture) {
    return (value, match) -> match.capture(capture, value);
  }

  /** A constant, captured. */
  static Pattern weight(String capture) {
    return (value, match) -> match.graph().weight(value) != null && match.capture(capture, value);
  }

  /** A constant of one element, captured. */
  static Pattern scalar(String capture) {
    return (value, match) ->
        !Double.isNaN(Constants.scalar(match.graph().weight(value)))
            && match.capture(capture, value);
  }

  /** A constant of one element with this value. */
  static Pattern scalar(double expected) {
    return (value, match) -> Constants.isScalar(match.graph().weight(value), expected);
  }

  /** An ONNX node with exactly these inputs. */
  static Operation node(String operator, Pattern... inputs) {
    return new Operation(Domains.ONNX, operator, List.of(inputs), false, "");
  }

  /** An ONNX node whose two inputs may be in either order. */
  static Operation either(String operator, Pattern one, Pattern other) {
    return new Operation(Domains.ONNX, operator, List.of(one, other), true, "");
  }

  static Operation add(Pattern one, Pattern other) {
    return either("Add", one, other);
  }

  static Operation multiply(Pattern one, Pattern other) {
    return either("Mul", one, other);
  }

  /** The first of several patterns that fits. */
  static Pattern oneOf(Pattern... alternatives) {
    List<Pattern> patterns = List.of(alternatives);
    return (value, match) -> {
      for (Pattern pattern : patterns) {
        if (pattern.matches(value, match)) {
          return true;
        }
      }
      return false;
    };
  }

  /**
   * A node.
   *
   * @param commutative the two inputs may be in either order
   * @param capture name under which {@link Match#node} finds it; "" for none
   */
  record Operation(
      String domain, String operator, List<Pattern> inputs, boolean commutative, String capture)
      implements Pattern {

    /** The same, captured. */
    Operation as(String newCapture) {
      return new Operation(domain, operator, inputs, commutative, newCapture);
    }

    /** The same operator in another domain. */
    Operation in(String newDomain) {
      return new Operation(newDomain, operator, inputs, commutative, capture);
    }

    @Override
    public boolean matches(String value, Match match) {
      Node node = match.graph().producer(value);
      return node != null && node.output(0).equals(value) && matches(node, match);
    }

    boolean matches(Node node, Match match) {
      if (!node.is(domain, operator) || !hasExactly(node, inputs.size())) {
        return false;
      }
      int mark = match.mark();
      match.enter(node, capture);
      if (inOrder(node, match, false) || commutative && inOrder(node, match, true)) {
        return true;
      }
      match.reset(mark);
      return false;
    }

    private boolean inOrder(Node node, Match match, boolean swapped) {
      int mark = match.mark();
      for (int i = 0; i < inputs.size(); i++) {
        String input = node.input(swapped ? 1 - i : i);
        if (!inputs.get(i).matches(input, match)) {
          match.reset(mark);
          return false;
        }
      }
      return true;
    }

    private static boolean hasExactly(Node node, int count) {
      for (int i = 0; i < count; i++) {
        if (!node.hasInput(i)) {
          return false;
        }
      }
      for (int i = count; i < node.inputs().size(); i++) {
        if (node.hasInput(i)) {
          return false;
        }
      }
      return true;
    }
  }
}
