package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import java.util.List;

/**
 * Immutable and thread-safe: how nodes of one operator become calls of the program builder. Adding
 * one is adding a class and its line in {@link NodeLowerings}.
 */
interface NodeLowering {

  /** True when this node can be lowered so; otherwise it is called as an ordinary operator. */
  boolean accepts(Node node, Lowering lowering);

  /** The values that the node computes with at run time; constants among them do not matter. */
  default List<String> reads(Node node, Lowering lowering) {
    return node.inputs();
  }

  /** Adds the operation: reads its inputs from and defines its outputs in {@code lowering}. */
  void lower(Node node, Lowering lowering);
}
