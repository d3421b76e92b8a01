package io.github.demitasse.runtime;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.operator.Operator;
import io.github.demitasse.operator.Operators;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Thread-safe: ordinary operators on values that are rows. An operator fits when each row of its
 * result comes from the same row of its inputs: element-wise operators, those along an axis within
 * a row, and those that only give another shape to a row.
 */
final class RowOperators {
  private static final Set<String> ELEMENT_WISE =
      Set.of(
          "Abs",
          "Acos",
          "Acosh",
          "Asin",
          "Asinh",
          "Atan",
          "Atanh",
          "BitwiseNot",
          "Cast",
          "Ceil",
          "Celu",
          "Cos",
          "Cosh",
          "Elu",
          "Erf",
          "Exp",
          "Floor",
          "Gelu",
          "HardSigmoid",
          "HardSwish",
          "IsInf",
          "IsNaN",
          "LeakyRelu",
          "Log",
          "Mish",
          "Neg",
          "Not",
          "Reciprocal",
          "Relu",
          "Round",
          "Selu",
          "Shrink",
          "Sigmoid",
          "Sign",
          "Sin",
          "Sinh",
          "Softplus",
          "Softsign",
          "Sqrt",
          "Swish",
          "Tan",
          "Tanh",
          "ThresholdedRelu",
          "Add",
          "And",
          "BitShift",
          "BitwiseAnd",
          "BitwiseOr",
          "BitwiseXor",
          "Clip",
          "Div",
          "Equal",
          "Expand",
          "Greater",
          "GreaterOrEqual",
          "Less",
          "LessOrEqual",
          "Max",
          "Mean",
          "Min",
          "Mod",
          "Mul",
          "Or",
          "PRelu",
          "Pow",
          "Sub",
          "Sum",
          "Where",
          "Xor",
          "FastGelu",
          "QuickGelu");

  private static final Set<String> RESHAPING =
      Set.of("Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Dropout");

  /** Their attribute {@code axis} names an axis, the last one unless given. */
  private static final Set<String> ALONG_AXIS = Set.of("Softmax", "LogSoftmax", "LpNormalization");

  private RowOperators() {}

  /** The native call for the node's rows; null if the node does not work row by row. */
  static NativeCall call(Node node, SequenceView view) {
    boolean known = node.domain().equals(Domains.ONNX) || node.domain().equals(Domains.MICROSOFT);
    if (!known) {
      return null;
    }
    String name = node.operator();
    if (RESHAPING.contains(name)) {
      return reshaping(node, view);
    }
    if (ELEMENT_WISE.contains(name)) {
      return aligned(node, view) ? lower(node, view, null) : null;
    }
    if (ALONG_AXIS.contains(name)) {
      return alongAxis(node, view);
    }
    return name.startsWith("Reduce") ? reduction(node, view) : null;
  }

  private static NativeCall reshaping(Node node, SequenceView view) {
    RowShape before = view.shape(node.input(0));
    RowShape after = view.shape(node.output(0));
    boolean sameRows =
        before.rows() == after.rows()
            && before.elements() == after.elements()
            && view.hasBatch(node.input(0)) == view.hasBatch(node.output(0));
    return sameRows && !node.hasOutput(1) ? NativeCall.reshape() : null;
  }

  /** True when broadcasting puts the rows of all inputs beside those of the result. */
  private static boolean aligned(Node node, SequenceView view) {
    RowShape result = view.shape(node.output(0));
    for (String input : node.inputs()) {
      if (input.isEmpty() || isShapeOf(node, input) || view.isConstant(input)) {
        continue;
      }
      RowShape shape = view.shape(input);
      if (shape.rows() != result.rows()
          || shape.dimensions().length != result.dimensions().length) {
        return false;
      }
    }
    return true;
  }

  /** Expand's second input is a shape: the result's, which is known. */
  private static boolean isShapeOf(Node node, String input) {
    return node.is("Expand") && input.equals(node.input(1));
  }

  private static NativeCall alongAxis(Node node, SequenceView view) {
    long standard = view.opset(node) < 13 && !node.is("LpNormalization") ? 1 : -1;
    int rank = view.symbolicShape(node.input(0)).rank();
    long axis = inRow(node.integer("axis", standard), rank, view.shape(node.input(0)));
    if (axis == 0 || standard == 1 && axis != -1) { // before opset 13: all axes from this one on
      return null;
    }
    return lower(node.withAttribute("axis", Attribute.of(axis)), view, null);
  }

  /** The axis counted from the end; 0 if it is one of those that count rows. */
  private static long inRow(long axis, int rank, RowShape shape) {
    long fromEnd = axis < 0 ? axis : axis - rank;
    return -fromEnd <= shape.dimensions().length ? fromEnd : 0;
  }

  private static NativeCall reduction(Node node, SequenceView view) {
    RowShape shape = view.shape(node.input(0));
    int rank = view.symbolicShape(node.input(0)).rank();
    boolean asInput = node.hasInput(1);
    if (asInput && !view.isConstant(node.input(1))) {
      return null;
    }
    long[] axes = asInput ? view.constant(node.input(1)).toLongs() : node.integers("axes");
    if (axes == null || axes.length == 0) {
      return null;
    }
    List<Long> inRow = new ArrayList<>();
    for (long axis : axes) {
      long fromEnd = inRow(axis, rank, shape);
      if (fromEnd == 0) {
        return null;
      }
      inRow.add(fromEnd);
    }
    if (view.shape(node.output(0)).rows() != shape.rows()) {
      return null;
    }
    if (asInput) {
      long[] values = inRow.stream().mapToLong(Long::longValue).toArray();
      return lower(node, view, Tensor.of(values, values.length));
    }
    return lower(node.withAttribute("axes", Attribute.ofIntegers(inRow)), view, null);
  }

  /** Asks the operator for two row counts: the call must not depend on them. */
  private static NativeCall lower(Node node, SequenceView view, Tensor secondInput) {
    Operator operator = Operators.find(node.domain(), node.operator());
    if (operator == null) {
      return null;
    }
    NativeCall call = operator.lower(new RowContext(node, view, 5, secondInput));
    NativeCall other = operator.lower(new RowContext(node, view, 7, secondInput));
    boolean same =
        call.alias() == other.alias()
            && call.operator().equals(other.operator())
            && call.inputs().equals(other.inputs())
            && Arrays.equals(call.integers(), other.integers())
            && Arrays.equals(call.floats(), other.floats());
    return same ? call : null;
  }
}
