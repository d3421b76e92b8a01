package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;

/** Immutable and thread-safe: lowers the pooling of token rows to one row per sequence. */
final class PoolingLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return true;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    RowShape shape = lowering.shape(node.input(0));
    boolean fits =
        shape.isStatic() ? shape.dimensions().length == 3 : shape.isTokens() && shape.isMatrix();
    if (!fits) {
      throw new NotLowerableException("node '" + node.name() + "': pooling of " + shape);
    }
    String kind = node.text("kind", "mean");
    int pooling =
        switch (kind) {
          case "mean" -> Demitasse.DMT_POOLING_MEAN;
          case "max" -> Demitasse.DMT_POOLING_MAX;
          case "first" -> Demitasse.DMT_POOLING_FIRST;
          default ->
              throw new IllegalArgumentException(
                  "node '" + node.name() + "': pooling '" + kind + "' is not known");
        };
    lowering
        .program()
        .pooling(
            lowering.id(node, 0),
            lowering.id(node, 1),
            pooling,
            node.integer("normalize", 0) != 0,
            AttentionLowering.sequenceLength(shape),
            lowering.define(node.output(0)));
  }
}
