package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/**
 * Nodes that give back what they get: Identity, Dropout at inference, casts to the same type ...
 */
final class RemoveNoOperation implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of(
        "Identity",
        "Dropout",
        "Cast",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Expand",
        "Transpose",
        "Concat",
        "Sum",
        "Max",
        "Min",
        "Mean",
        "Mul",
        "Div",
        "Add",
        "Sub");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    String source = source(root, graph);
    return source != null && graph.redirect(root.output(0), source);
  }

  /** The input that comes out unchanged, or null. */
  private static String source(Node node, GraphEditor graph) {
    boolean same =
        switch (node.operator()) {
          case "Identity" -> true;
          case "Dropout" -> isInference(node, graph);
          case "Cast" -> isSameType(node, graph);
          case "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand" -> isSameShape(node, graph);
          case "Transpose" -> isIdentity(node.integers("perm"));
          case "Concat", "Sum", "Max", "Min", "Mean" -> node.inputs().size() == 1;
          case "Mul", "Div" -> isNeutral(node, 1, 1, graph);
          case "Add", "Sub" -> isNeutral(node, 1, 0, graph);
          default -> false;
        };
    if (same) {
      return node.input(0);
    }
    boolean neutralFirst =
        node.is("Mul") && isNeutral(node, 0, 1, graph)
            || node.is("Add") && isNeutral(node, 0, 0, graph);
    return neutralFirst ? node.input(1) : null;
  }

  private static boolean isInference(Node dropout, GraphEditor graph) {
    boolean maskUnused =
        !dropout.hasOutput(1)
            || graph.consumers(dropout.output(1)).isEmpty() && !graph.isKept(dropout.output(1));
    return maskUnused
        && (!dropout.hasInput(2) || Constants.isScalar(graph.weight(dropout.input(2)), 0));
  }

  private static boolean isSameType(Node cast, GraphEditor graph) {
    DataType type = graph.type(cast.input(0));
    return type != null && type.onnxCode() == cast.integer("to", 0);
  }

  private static boolean isSameShape(Node node, GraphEditor graph) {
    Shape before = graph.shape(node.input(0));
    Shape after = graph.shape(node.output(0));
    return SymbolicShapes.areEqual(before, after);
  }

  private static boolean isIdentity(long[] order) {
    for (int i = 0; order != null && i < order.length; i++) {
      if (order[i] != i) {
        return false;
      }
    }
    return order != null;
  }

  /** True when input {@code index} is a constant that changes neither values nor shape. */
  private static boolean isNeutral(Node node, int index, double number, GraphEditor graph) {
    Weight constant = graph.weight(node.input(index));
    if (constant == null || Constants.scalar(constant) != number) {
      return false;
    }
    Shape result = graph.shape(node.output(0));
    Shape other = graph.shape(node.input(1 - index));
    return constant.shape().length == 0 || SymbolicShapes.areEqual(result, other);
  }
}
