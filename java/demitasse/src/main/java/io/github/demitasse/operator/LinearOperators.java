package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import java.util.List;

/** Thread-safe: products of matrices. */
final class LinearOperators {
  private LinearOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of(
            "MatMul",
            c -> c.output(0, c.inputType(0), MatMulRule.shape(c, 0, 1)),
            c -> NativeCall.of("MatMul", 2, new long[] {0, 0}, 1)),
        OperatorRule.of("Gemm", LinearOperators::inferGemm, LinearOperators::lowerGemm).since(7),
        OperatorRule.of(
            "MatMulInteger",
            c -> c.output(0, DataType.INT32, MatMulRule.shape(c, 0, 1)),
            c -> optional("MatMulInteger", c, 2, 4)),
        OperatorRule.of(
            "QLinearMatMul",
            c -> c.output(0, c.inputType(7), MatMulRule.shape(c, 0, 3)),
            c -> NativeCall.of("QLinearMatMul", 8, new long[0])),
        OperatorRule.of("Einsum", EinsumRule::infer, EinsumRule::lower));
  }

  /** A call whose inputs from {@code required} to {@code all} may be absent. */
  static NativeCall optional(String operator, InferenceContext context, int required, int all) {
    Integer[] inputs = new Integer[all];
    for (int i = 0; i < all; i++) {
      inputs[i] = i < required || context.hasInput(i) ? i : -1;
    }
    return new NativeCall(operator, List.of(inputs), new long[0], new double[0], false);
  }

  private static void inferGemm(InferenceContext context) {
    Node node = context.node();
    Shape a = context.inputShape(0);
    Shape b = context.inputShape(1);
    Shape result = Shapes.unknown(2);
    if (a != null && b != null) {
      Arguments.require(a.rank() == 2 && b.rank() == 2, "needs matrices, given " + a + " and " + b);
      boolean transposeA = node.integer("transA", 0) != 0;
      boolean transposeB = node.integer("transB", 0) != 0;
      result = MatMulRule.shape(a, b, transposeA, transposeB);
      if (context.hasInput(2) && context.inputShape(2) != null) {
        Shape sum = Shapes.broadcast(result, context.inputShape(2));
        boolean fits = sum.rank() == 2 && sameWhereKnown(sum, result);
        Arguments.require(fits, "cannot add " + context.inputShape(2) + " to " + result);
      }
    }
    context.output(0, context.inputType(0), result);
  }

  private static boolean sameWhereKnown(Shape a, Shape b) {
    for (int axis = 0; axis < a.rank(); axis++) {
      Dimension x = a.dimension(axis);
      Dimension y = b.dimension(axis);
      if (x.isKnown() && y.isKnown() && !x.equals(y)) {
        return false;
      }
    }
    return true;
  }

  private static NativeCall lowerGemm(InferenceContext context) {
    Node node = context.node();
    long[] transposed = {
      node.integer("transA", 0) != 0 ? 1 : 0, node.integer("transB", 0) != 0 ? 1 : 0
    };
    double[] factors = {node.number("alpha", 1), node.number("beta", 1)};
    return new NativeCall(
        "Gemm", List.of(0, 1, context.hasInput(2) ? 2 : -1), transposed, factors, false);
  }
}
