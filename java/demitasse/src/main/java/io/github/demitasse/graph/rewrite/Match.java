package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.List;

/** Confined to one thread: what a pattern found: its nodes and the values it captured. */
final class Match {
  /** A captured value, or a node of the pattern. */
  private record Found(String capture, String value, Node node) {}

  private final GraphEditor graph;
  private final List<Found> found = new ArrayList<>();

  private Match(GraphEditor graph) {
    this.graph = graph;
  }

  /**
   * The pattern ending in {@code root}, or null. All that is inside it, except the root's outputs,
   * is used by nobody else.
   */
  static Match of(Pattern.Operation pattern, Node root, GraphEditor graph) {
    Match match = new Match(graph);
    return pattern.matches(root, match) && match.isEnclosed() ? match : null;
  }

  /** The pattern above a value, or null; others may use what is inside. */
  static Match above(Pattern pattern, String value, GraphEditor graph) {
    Match match = new Match(graph);
    return pattern.matches(value, match) ? match : null;
  }

  GraphEditor graph() {
    return graph;
  }

  /** The value captured under this name. */
  String value(String capture) {
    for (Found one : found) {
      if (one.value != null && one.capture.equals(capture)) {
        return one.value;
      }
    }
    throw new IllegalStateException("the pattern captures no value '" + capture + "'");
  }

  /** The constant captured under this name. */
  Weight weight(String capture) {
    return graph.weight(value(capture));
  }

  /** The number of a constant of one element captured under this name. */
  double scalar(String capture) {
    return Constants.scalar(weight(capture));
  }

  /** The node captured under this name; null when an alternative without it matched. */
  Node node(String capture) {
    for (Found one : found) {
      if (one.node != null && one.capture.equals(capture)) {
        return one.node;
      }
    }
    return null;
  }

  boolean capture(String capture, String value) {
    for (Found one : found) {
      if (one.value != null && one.capture.equals(capture)) {
        return one.value.equals(value);
      }
    }
    found.add(new Found(capture, value, null));
    return true;
  }

  void enter(Node node, String capture) {
    found.add(new Found(capture, null, node));
  }

  int mark() {
    return found.size();
  }

  void reset(int mark) {
    found.subList(mark, found.size()).clear();
  }

  private boolean isEnclosed() {
    for (int i = 1; i < found.size(); i++) {
      Node node = found.get(i).node;
      if (node == null) {
        continue;
      }
      for (String output : node.outputs()) {
        if (graph.isKept(output) || !graph.consumers(output).stream().allMatch(this::isInside)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean isInside(Node consumer) {
    for (Found one : found) {
      if (one.node == consumer) {
        return true;
      }
    }
    return false;
  }
}
