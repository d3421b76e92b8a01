package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/** Attention as exporters write it, in pieces that tests put together. */
final class AttentionGraphs {
  static final long[] ROWS = {0, 2, 1, 3};
  static final long[] TRANSPOSED = {0, 2, 3, 1};

  /** Two heads of size three. */
  static Graphs tokens() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", "length", 6)
        .integers("split", 0, 0, 2, 3)
        .integers("merge", 0, 0, 6)
        .weight("divisor", Tensor.scalar(1.7320508f))
        .weight("factor", Tensor.scalar(0.57735026f))
        .weight("least", Tensor.scalar(-3.4e38f))
        .weight("one", Tensor.scalar(1f));
  }

  static Graphs projected(Graphs graph) {
    for (String part : List.of("query", "key", "value")) {
      graph
          .weight("self." + part + ".weight", Evaluation.random(part.length(), 6, 6))
          .weight("self." + part + ".bias", Evaluation.random(part.length() + 9, 6))
          .node(part + "/m", "MatMul", "x self." + part + ".weight")
          .node(part, "Add", part + "/m self." + part + ".bias");
    }
    return graph;
  }

  static Graphs heads(Graphs graph) {
    return graph
        .node("q4", "Reshape", "query split")
        .node("k4", "Reshape", "key split")
        .node("v4", "Reshape", "value split")
        .node("q", "Transpose", "q4", "perm", ROWS)
        .node("k", "Transpose", "k4", "perm", TRANSPOSED)
        .node("v", "Transpose", "v4", "perm", ROWS);
  }

  static Graphs scores(Graphs graph) {
    return heads(projected(graph)).node("qk", "MatMul", "q k");
  }

  static Graphs additiveMask(Graphs graph) {
    return graph
        .input("mask", DataType.INT64, "batch", "length")
        .integers("axes", 1, 2)
        .node("mask4", "Unsqueeze", "mask axes")
        .node("float", "Cast", "mask4", "to", 1)
        .node("inverted", "Sub", "one float")
        .node("additive", "Mul", "inverted least");
  }

  /** Softmax, values and merging of the heads. */
  static Graphs context(Graphs graph, String scores) {
    return graph
        .node("/self/Softmax", "Softmax", scores, "axis", -1)
        .node("c4", "MatMul", "/self/Softmax v")
        .node("c3", "Transpose", "c4", "perm", ROWS)
        .node("y", "Reshape", "c3 merge")
        .outputs("y");
  }

  static Model rewritten(Graphs graph) {
    Model model = graph.model();
    Model result = Rewrites.apply(model);
    Evaluation.assertSame(model, result);
    return result;
  }

  static void assertUnfused(Graphs graph) {
    String operators = Evaluation.operators(rewritten(graph));
    assertTrue(operators.contains("Softmax"), operators);
    assertFalse(operators.contains("Attention"), operators);
  }

  /** The whole pattern, for tests that change it. */
  static Model masked() {
    Graphs graph = additiveMask(scores(tokens())).node("scaled", "Div", "qk divisor");
    return context(graph.node("masked", "Add", "scaled additive"), "masked").model();
  }

  static Model replaced() {
    Graphs graph =
        scores(tokens())
            .input("mask", DataType.INT64, "batch", "length")
            .integers("axes", 1, 2)
            .integer("zero", 0)
            .node("mask4", "Unsqueeze", "mask axes")
            .node("hidden", "Equal", "mask4 zero")
            .node("shape", "Shape", "qk")
            .node("wide", "Expand", "hidden shape")
            .node("scaled", "Mul", "qk factor")
            .node("masked", "Where", "wide least scaled");
    return context(graph, "masked").model();
  }
}
