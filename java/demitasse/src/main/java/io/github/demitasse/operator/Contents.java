package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.stream.IntStream;

/**
 * Thread-safe: element-wise rules on the content of shape computations. A truth value is the number
 * 0 or 1.
 */
final class Contents {
  private Contents() {}

  /** The rule for each pair, one element standing for many; null when something is not known. */
  static List<Dimension> combine(
      List<Dimension> a, List<Dimension> b, BinaryOperator<Dimension> rule) {
    if (a == null || b == null || a.size() != b.size() && a.size() != 1 && b.size() != 1) {
      return null;
    }
    int size = a.size() == 1 ? b.size() : a.size();
    return IntStream.range(0, size).mapToObj(i -> rule.apply(at(a, i), at(b, i))).toList();
  }

  /** Element {@code index} of a content that one element may stand for. */
  static Dimension at(List<Dimension> content, int index) {
    return content.get(content.size() == 1 ? 0 : index);
  }

  /** States the content of the first output if it is known and the output has rank 0 or 1. */
  static void state(InferenceContext context, List<Dimension> content) {
    Shape shape = context.outputShape(0);
    if (content != null && shape != null && shape.rank() <= 1) {
      context.outputDimensions(0, content);
    }
  }

  /** Whether two dimensions are the same number: 1, 0 or unknown. Sizes are never negative. */
  static Dimension equal(Dimension a, Dimension b) {
    if (a.isKnown() && b.isKnown()) {
      return Dimension.of(a.equals(b) ? 1 : 0);
    }
    if (isNegative(a) && isSize(b) || isNegative(b) && isSize(a)) {
      return Dimension.of(0);
    }
    return isSize(a) && a.equals(b) ? Dimension.of(1) : Dimension.unknown();
  }

  private static boolean isNegative(Dimension dimension) {
    return dimension.isKnown() && dimension.size() < 0;
  }

  /** A plain symbol, which names a dimension; an expression with a minus could be negative. */
  private static boolean isSize(Dimension dimension) {
    return dimension instanceof Dimension.Symbol symbol && symbol.name().indexOf('-') < 0;
  }
}
