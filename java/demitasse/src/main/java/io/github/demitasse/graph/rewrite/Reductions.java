package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;

/** Reads the axes of ReduceMean and its relatives in every operator set's form. */
final class Reductions {
  private Reductions() {}

  /** The axes as they are written, or null when they are absent or not constant. */
  static long[] axes(Node reduction, GraphEditor graph) {
    return reduction.hasInput(1)
        ? Constants.integers(graph.weight(reduction.input(1)))
        : reduction.integers("axes");
  }

  /** True for a reduction over exactly {@code axis} (not negative) of its input. */
  static boolean isOver(int axis, Node reduction, GraphEditor graph) {
    long[] axes = axes(reduction, graph);
    int rank = graph.rank(reduction.input(0));
    return axes != null
        && axes.length == 1
        && rank > 0
        && (axes[0] < 0 ? axes[0] + rank : axes[0]) == axis;
  }

  /** True for a reduction over the last axis that keeps it with size 1. */
  static boolean isOverLastKept(Node reduction, GraphEditor graph) {
    long[] axes = axes(reduction, graph);
    boolean last =
        axes != null
            && axes.length == 1
            && (axes[0] == -1 || isOver(graph.rank(reduction.input(0)) - 1, reduction, graph));
    return last && keepsDimensions(reduction);
  }

  static boolean keepsDimensions(Node reduction) {
    return reduction.integer("keepdims", 1) != 0;
  }
}
