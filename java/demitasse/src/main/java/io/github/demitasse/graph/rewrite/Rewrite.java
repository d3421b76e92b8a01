package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Set;

/**
 * Immutable and thread-safe: a pattern of nodes and what to put in its place. A rewrite keeps the
 * meaning of the graph: every output has the same value as before, up to the rounding of floating
 * point arithmetic done in another order.
 */
interface Rewrite {

  /**
   * Operators, as {@link Node#qualifiedOperator()} names them, of the node a pattern ends in; empty
   * for any.
   */
  Set<String> roots();

  /**
   * Looks for the pattern that ends in {@code root} and replaces it.
   *
   * @return true when the graph was changed
   */
  boolean apply(Node root, GraphEditor graph);

  /** What messages call it. */
  default String name() {
    return getClass().getSimpleName();
  }
}
