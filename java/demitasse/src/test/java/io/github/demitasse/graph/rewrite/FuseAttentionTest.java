package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.AttentionGraphs.ROWS;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.TRANSPOSED;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.additiveMask;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.assertUnfused;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.context;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.heads;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.projected;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.rewritten;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.scores;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.tokens;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FuseAttentionTest {
  @Test
  void asPyTorchExportsBert() {
    Graphs graph = additiveMask(scores(tokens())).node("scaled", "Div", "qk divisor");
    Model fused = rewritten(context(graph.node("masked", "Add", "scaled additive"), "masked"));
    assertEquals(
        "{Cast=1, Linear=1, Mul=1, PackedAttention=1, Sub=1, Unsqueeze=1}",
        Evaluation.operators(fused));
    Node linear = Evaluation.only(fused, "Linear");
    assertEquals("self.query_key_value", linear.name());
    assertEquals(
        List.of("x", "self.query_key_value.weight", "self.query_key_value.bias"), linear.inputs());
    Node attention = Evaluation.only(fused, "PackedAttention");
    assertEquals("self", attention.name());
    assertEquals(2, attention.integer("heads", 0));
    assertEquals(0.57735026f, attention.number("scale", 0), 1e-6f);
    assertEquals("additive", attention.input(1));
  }

  @Test
  void withoutMask() {
    Graphs graph = scores(tokens()).node("scaled", "Mul", "factor qk");
    Model fused = rewritten(context(graph, "scaled"));
    assertEquals("{Linear=1, PackedAttention=1}", Evaluation.operators(fused));
  }

  @Test
  void withoutScale() {
    Model fused = rewritten(context(scores(tokens()), "qk"));
    assertEquals(1, Evaluation.only(fused, "PackedAttention").number("scale", 0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"before the split", "after it", "on the keys", "on both"})
  void withTheScaleElsewhere(String place) {
    Graphs graph = projected(tokens());
    String query = "query";
    if (place.equals("before the split")) {
      graph.node("smaller", "Mul", "query factor");
      query = "smaller";
    }
    graph
        .node("q4", "Reshape", query + " split")
        .node("k4", "Reshape", "key split")
        .node("v4", "Reshape", "value split")
        .node("q", "Transpose", "q4", "perm", ROWS)
        .node("k_rows", "Transpose", "k4", "perm", ROWS)
        .node("v", "Transpose", "v4", "perm", ROWS);
    // as scaled_dot_product_attention is exported
    graph.node("k", "Transpose", "k_rows", "perm", new long[] {0, 1, 3, 2});
    String q = "q";
    String k = "k";
    if (place.equals("after it") || place.equals("on both")) {
      graph.node("qs", "Mul", "q factor");
      q = "qs";
    }
    if (place.equals("on the keys") || place.equals("on both")) {
      graph.node("ks", "Div", "k divisor");
      k = "ks";
    }
    graph.node("qk", "MatMul", q + " " + k);
    Model fused = rewritten(context(graph, "qk"));
    assertEquals("{Linear=1, PackedAttention=1}", Evaluation.operators(fused));
    float expected = place.equals("on both") ? 1 / 3f : 0.57735026f;
    assertEquals(expected, Evaluation.only(fused, "PackedAttention").number("scale", 0), 1e-6f);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void withAMaskThatReplacesScores(boolean hiddenWhereTrue) {
    Graphs graph =
        scores(tokens())
            .input("mask", DataType.INT64, "batch", "length")
            .integers("axes", 1, 2)
            .integer("zero", 0)
            .node("mask4", "Unsqueeze", "mask axes")
            .node("hidden", "Equal", "mask4 zero")
            .node("visible", "Not", "hidden")
            .node("shape", "Shape", "qk")
            .node("hidden_wide", "Expand", "hidden shape");
    graph =
        hiddenWhereTrue
            ? graph.node("masked", "Where", "hidden_wide least qk")
            : graph.node("masked", "Where", "visible qk least");
    Model fused = rewritten(context(graph, "masked"));
    Node attention = Evaluation.only(fused, "PackedAttention");
    assertTrue(attention.hasInput(1));
    assertFalse(Evaluation.operators(fused).contains("Expand"));
  }

  @Test
  void withAMaskExpandedToAllQueries() {
    Graphs graph =
        additiveMask(scores(tokens()))
            .integer("1", 1)
            .integers("zero", 0)
            .integers("ones", 1)
            .node("mask_shape", "Shape", "mask")
            .node("length", "Gather", "mask_shape 1", "axis", 0)
            .node("batch", "Slice", "mask_shape zero ones")
            .node("lengths", "Unsqueeze", "length zero")
            .node("square", "Concat", "batch ones lengths lengths", "axis", 0)
            .node("wide", "Expand", "additive square")
            .node("masked", "Add", "qk wide");
    Model fused = rewritten(context(graph, "masked"));
    assertEquals(
        "{Cast=1, Linear=1, Mul=1, PackedAttention=1, Sub=1, Unsqueeze=1}",
        Evaluation.operators(fused));
  }

  @Test
  void masksOfSixLayersAreComputedOnce() {
    Graphs graph = tokens().input("mask", DataType.INT64, "batch", "length");
    graph.integers("axes", 1, 2).node("mask4", "Unsqueeze", "mask axes");
    graph.node("visible", "Cast", "mask4", "to", 9);
    String x = "x";
    for (int layer = 0; layer < 2; layer++) {
      String p = layer + "/";
      for (String part : List.of("q", "k", "v")) {
        graph
            .weight(p + part + ".weight", Evaluation.random(layer * 3 + part.charAt(0), 6, 6))
            .node(p + part, "MatMul", x + " " + p + part + ".weight")
            .node(p + part + "4", "Reshape", p + part + " split")
            .node(
                p + part + "t",
                "Transpose",
                p + part + "4",
                "perm",
                part.equals("k") ? TRANSPOSED : ROWS);
      }
      graph
          .node(p + "qk", "MatMul", p + "qt " + p + "kt")
          .node(p + "masked", "Where", "visible " + p + "qk least")
          .node(p + "softmax", "Softmax", p + "masked")
          .node(p + "c4", "MatMul", p + "softmax " + p + "vt")
          .node(p + "c3", "Transpose", p + "c4", "perm", ROWS)
          .node(p + "y", "Reshape", p + "c3 merge");
      x = p + "y";
    }
    Model fused = rewritten(graph.outputs(x));
    assertEquals(
        "{Cast=1, Linear=2, PackedAttention=2, Unsqueeze=1, Where=1}", Evaluation.operators(fused));
  }

  @Test
  void aMaskPerQueryStays() {
    Graphs graph =
        scores(tokens())
            .input("bias", DataType.FLOAT32, "batch", 1, "length", "length")
            .node("masked", "Add", "qk bias");
    assertUnfused(context(graph, "masked"));
  }

  @Test
  void aMaskPerHeadStays() {
    Graphs graph =
        scores(tokens())
            .input("bias", DataType.FLOAT32, "batch", 2, 1, "length")
            .node("masked", "Add", "qk bias");
    assertUnfused(context(graph, "masked"));
  }

  @Test
  void aMaskThatIsBroadcastOverTheBatchStays() {
    Graphs graph =
        scores(tokens())
            .input("bias", DataType.FLOAT32, 1, 1, 1, "length")
            .node("masked", "Add", "qk bias");
    assertUnfused(context(graph, "masked"));
  }

  @Test
  void aScaleAfterTheMaskStays() {
    Graphs graph =
        additiveMask(scores(tokens()))
            .node("masked", "Add", "qk additive")
            .node("scaled", "Mul", "masked factor");
    assertUnfused(context(graph, "scaled"));
  }

  @Test
  void aReplacementThatHidesNothingStays() {
    Graphs graph =
        scores(tokens())
            .input("mask", DataType.INT64, "batch", "length")
            .integers("axes", 1, 2)
            .node("mask4", "Unsqueeze", "mask axes")
            .node("visible", "Cast", "mask4", "to", 9)
            .node("masked", "Where", "visible qk one");
    assertUnfused(context(graph, "masked"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qk", "/self/Softmax", "c4", "q", "v4"})
  void whatOthersReadStays(String used) {
    assertUnfused(context(scores(tokens()), "qk").outputs(used));
    assertUnfused(context(scores(tokens()), "qk").node("z", "Neg", used).outputs("z"));
  }

  @Test
  void headsMergedInAnotherOrderStay() {
    Graphs graph =
        scores(tokens())
            .node("/self/Softmax", "Softmax", "qk", "axis", -1)
            .node("c4", "MatMul", "/self/Softmax v")
            .node("y", "Reshape", "c4 shape")
            .integers("shape", 0, -1, 6)
            .outputs("y");
    assertUnfused(graph);
  }

  @Test
  void softmaxOverQueriesStays() {
    Graphs graph =
        scores(tokens())
            .node("/self/Softmax", "Softmax", "qk", "axis", 2)
            .node("c4", "MatMul", "/self/Softmax v")
            .node("c3", "Transpose", "c4", "perm", ROWS)
            .node("y", "Reshape", "c3 merge")
            .outputs("y");
    assertUnfused(graph);
  }

  @Test
  void attentionToAnotherSequenceStays() {
    Graphs graph =
        Graphs.opset(21)
            .input("query", DataType.FLOAT32, "batch", "length", 6)
            .input("key", DataType.FLOAT32, "batch", 4, 6)
            .input("value", DataType.FLOAT32, "batch", 4, 6)
            .integers("split", 0, 0, 2, 3)
            .integers("merge", 0, 0, 6);
    assertUnfused(context(heads(graph).node("qk", "MatMul", "q k"), "qk"));
  }

  @Test
  void projectionsOfDifferentInputsAreNotMerged() {
    Graphs graph =
        tokens()
            .input("x2", DataType.FLOAT32, "batch", "length", 6)
            .weight("wq", Evaluation.random(1, 6, 6))
            .weight("wk", Evaluation.random(2, 6, 6))
            .weight("wv", Evaluation.random(3, 6, 6))
            .node("query", "MatMul", "x wq")
            .node("key", "MatMul", "x2 wk")
            .node("value", "MatMul", "x2 wv");
    Model fused = rewritten(context(heads(graph).node("qk", "MatMul", "q k"), "qk"));
    assertEquals("{Linear=3, MultiHeadAttention=1}", Evaluation.operators(fused));
  }

  @Test
  void aMissingBiasIsZero() {
    Graphs graph =
        tokens()
            .weight("wq", Evaluation.random(1, 6, 6))
            .weight("wk", Evaluation.random(2, 6, 6))
            .weight("wv", Evaluation.random(3, 6, 6))
            .weight("b", Evaluation.random(4, 6))
            .node("query", "MatMul", "x wq")
            .node("key", "MatMul", "x wk")
            .node("projected", "MatMul", "x wv")
            .node("value", "Add", "projected b");
    Model fused = rewritten(context(heads(graph).node("qk", "MatMul", "q k"), "qk"));
    assertEquals("{Linear=1, PackedAttention=1}", Evaluation.operators(fused));
  }

  /** As torch.onnx exports scaled_dot_product_attention with a mask of all queries. */
  @Test
  void asPyTorchExportsScaledDotProductAttention() {
    Graphs graph =
        heads(projected(tokens()))
            .input("mask", DataType.INT64, "batch", "length")
            .integers("last", -1)
            .integers("end", 9)
            .integers("axes", 1, 2)
            .integers("first", 0)
            .integers("second", 1)
            .integer("1", 1)
            .integer("minus", -1)
            // the scale from the size of the heads
            .node("q_shape", "Shape", "q")
            .node("size", "Slice", "q_shape last end")
            .node("size_float", "Cast", "size", "to", 1)
            .node("root", "Sqrt", "size_float")
            .node("inverse", "Div", "one root")
            .node("scale", "Sqrt", "inverse")
            .node("qs", "Mul", "q scale")
            .node("ks", "Mul", "k scale")
            .node("qk", "MatMul", "qs ks")
            // the mask, expanded to a square before it is inverted
            .node("mask_shape", "Shape", "mask")
            .node("batches", "Slice", "mask_shape first second")
            .node("length", "Gather", "mask_shape 1", "axis", 0)
            .node("lengths", "Unsqueeze", "length first")
            .node("minus_one", "Unsqueeze", "minus first")
            .node("wanted", "Concat", "batches second lengths minus_one", "axis", 0)
            .node("rank", "Shape", "wanted")
            .node("ones", "ConstantOfShape", "rank", "value", Tensor.of(new long[] {1}, 1))
            .node("kept", "Mul", "ones minus")
            .node("same", "Equal", "wanted kept")
            .node("square", "Where", "same ones wanted")
            .node("mask4", "Unsqueeze", "mask axes")
            .node("wide", "Expand", "mask4 square")
            .node("float", "Cast", "wide", "to", 1)
            .node("inverted", "Sub", "one float")
            .node("hidden", "Cast", "inverted", "to", 9)
            .node("additive", "Where", "hidden least inverted")
            .node("masked", "Add", "qk additive");
    Model model = context(graph, "masked").model();
    Model fused = Rewrites.apply(model, NodeEvaluator::evaluateIfKnown);
    Evaluation.assertSame(model, fused);
    assertEquals(
        "{Cast=2, Linear=1, PackedAttention=1, Sub=1, Unsqueeze=1, Where=1}",
        Evaluation.operators(fused));
    Node attention = Evaluation.only(fused, "PackedAttention");
    assertEquals(0.57735026f, attention.number("scale", 0), 1e-6f);
  }

  /** As timm's vision transformers are exported, and PaddlePaddle's. */
  @ParameterizedTest
  @ValueSource(strings = {"Gather", "Split", "Slice"})
  void asVisionTransformersAreExported(String operator) {
    Graphs graph =
        tokens()
            .weight("qkv.weight", Evaluation.random(1, 6, 18))
            .weight("qkv.bias", Evaluation.random(2, 18))
            .integers("divided", 0, -1, 3, 2, 3)
            .integers("first", 0)
            .node("m", "MatMul", "x qkv.weight")
            .node("qkv", "Add", "m qkv.bias")
            .node("r", "Reshape", "qkv divided")
            .node("t", "Transpose", "r", "perm", new long[] {2, 0, 3, 1, 4});
    if (operator.equals("Split")) {
      graph.node("s0 s1 s2", "Split", "t", "axis", 0, "num_outputs", 3);
    }
    for (int i = 0; i < 3; i++) {
      graph.integer("i" + i, i).integers("l" + i, i);
      switch (operator) {
        case "Gather" -> graph.node("p" + i, "Gather", "t i" + i, "axis", 0);
        case "Split" -> graph.node("p" + i, "Squeeze", "s" + i + " first");
        default -> {
          graph.integers("e" + i, i + 1).node("s" + i, "Slice", "t l" + i + " e" + i + " first");
          graph.node("p" + i, "Squeeze", "s" + i + " first");
        }
      }
    }
    graph
        .node("kt", "Transpose", "p1", "perm", new long[] {0, 1, 3, 2})
        .node("qs", "Mul", "p0 factor")
        .node("qk", "MatMul", "qs kt")
        .node("v", "Identity", "p2");
    Model fused = rewritten(context(graph, "qk"));
    assertEquals("{Linear=1, PackedAttention=1}", Evaluation.operators(fused));
  }
}
