package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;

/** Comparisons of shapes that may have symbols; "unknown" proves nothing. */
final class SymbolicShapes {
  private SymbolicShapes() {}

  /** True when both shapes are surely the same. */
  static boolean areEqual(Shape a, Shape b) {
    if (a == null || b == null || a.rank() != b.rank()) {
      return false;
    }
    for (int axis = 0; axis < a.rank(); axis++) {
      if (!areEqual(a.dimension(axis), b.dimension(axis))) {
        return false;
      }
    }
    return true;
  }

  /** True when both dimensions are surely the same. */
  static boolean areEqual(Dimension a, Dimension b) {
    return !(a instanceof Dimension.Unknown) && a.equals(b);
  }

  /** True when a value of shape {@code part} can be broadcast to {@code whole} and not beyond. */
  static boolean broadcastsTo(Shape part, Shape whole) {
    if (part == null || whole == null || part.rank() > whole.rank()) {
      return false;
    }
    int offset = whole.rank() - part.rank();
    for (int axis = 0; axis < part.rank(); axis++) {
      Dimension size = part.dimension(axis);
      if (!size.is(1) && !areEqual(size, whole.dimension(axis + offset))) {
        return false;
      }
    }
    return true;
  }
}
