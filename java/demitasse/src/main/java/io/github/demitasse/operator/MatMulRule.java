package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** Thread-safe: the shape of a product of matrices, stacks of matrices and vectors. */
final class MatMulRule {
  private MatMulRule() {}

  /** The shape of inputs {@code a} and {@code b} multiplied; null when it is not known. */
  static Shape shape(InferenceContext context, int a, int b) {
    return shape(context.inputShape(a), context.inputShape(b), false, false);
  }

  static Shape shape(Shape a, Shape b, boolean transposeA, boolean transposeB) {
    if (a == null || b == null) {
      return null;
    }
    Arguments.require(a.rank() > 0 && b.rank() > 0, "cannot multiply " + a + " and " + b);
    Shape left = a.rank() == 1 ? Shape.of(Dimension.of(1), a.dimension(0)) : a;
    Shape right = b.rank() == 1 ? Shape.of(b.dimension(0), Dimension.of(1)) : b;
    Dimension inner = left.dimension(transposeA && a.rank() > 1 ? -2 : -1);
    Dimension other = right.dimension(transposeB && b.rank() > 1 ? -1 : -2);
    Arguments.require(
        !inner.isKnown() || !other.isKnown() || inner.equals(other),
        "cannot multiply " + a + " and " + b + ": " + inner + " is not " + other);
    Shape batches =
        Shapes.broadcast(
            Arguments.part(left, 0, left.rank() - 2), Arguments.part(right, 0, right.rank() - 2));
    List<Dimension> sizes = new ArrayList<>(batches.dimensions());
    if (a.rank() > 1) {
      sizes.add(left.dimension(transposeA ? -1 : -2));
    }
    if (b.rank() > 1) {
      sizes.add(right.dimension(transposeB ? -2 : -1));
    }
    return new Shape(sizes);
  }
}
