package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExpandFusedOperatorsTest {
  private static final String FUSED = Domains.DEMITASSE + "::";

  private static Graphs tokens() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", "length", 6)
        .input("r", DataType.FLOAT32, "batch", "length", 4)
        .input("mask", DataType.INT64, "batch", "length")
        .weight("w", Evaluation.random(1, 6, 4))
        .weight("b", Evaluation.random(2, 4))
        .weight("gamma", Evaluation.random(3, 4))
        .weight("beta", Evaluation.random(4, 4));
  }

  private static Model expanded(Model model) {
    Model plain = ExpandFusedOperators.apply(model);
    for (Node node : plain.graph().nodes()) {
      assertEquals(Domains.ONNX, node.domain(), node::toString);
    }
    assertTrue(!plain.graph().opsets().containsKey(Domains.DEMITASSE));
    return plain;
  }

  /** What comes out is recognised again, name and attributes included. */
  private static void assertRoundTrip(Graphs graph) {
    Model model = graph.model();
    Model back = Rewrites.apply(expanded(model));
    assertEquals(Evaluation.operators(model), Evaluation.operators(back));
    for (Node node : model.graph().nodes()) {
      if (node.domain().equals(Domains.DEMITASSE)) {
        assertEquals(node.attributes(), Evaluation.only(back, node.operator()).attributes());
      }
    }
    Evaluation.assertSame(model, back);
  }

  @Test
  void aPlainModelStaysItself() {
    Model model = tokens().node("y", "Relu", "x").outputs("y").model();
    assertSame(model, ExpandFusedOperators.apply(model));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"none", "relu", "gelu_erf", "gelu_tanh", "silu", "hard_swish", "tanh", "sigmoid"})
  void linearLayers(String activation) {
    for (String inputs : new String[] {"x w", "x w b", "x w b r", "x w - r"}) {
      assertRoundTrip(
          tokens().node("y", FUSED + "Linear", inputs, "activation", activation).outputs("y"));
    }
  }

  @Test
  void aLinearLayerIsWhatItSays() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, 1, 2)
            .input("r", DataType.FLOAT32, 1, 1)
            .weight("w", Tensor.of(new float[] {2, -5}, 2, 1))
            .weight("b", Tensor.of(new float[] {1}, 1))
            .node("y", FUSED + "Linear", "x w b r", "activation", "relu")
            .outputs("y")
            .model();
    Tensor x = Tensor.of(new float[] {3, 4}, 1, 2);
    Tensor r = Tensor.of(new float[] {-7}, 1, 1);
    float[] y = Evaluation.run(model, Map.of("x", x, "r", r)).get("y").toFloats();
    assertArrayEquals(new float[] {Math.max(0, 3 * 2 - 4 * 5 + 1) - 7}, y);
  }

  @Test
  void skipLayerNormalization() {
    Graphs graph = tokens().input("s", DataType.FLOAT32, "batch", "length", 4);
    assertRoundTrip(
        graph
            .node("y", FUSED + "SkipLayerNormalization", "r s gamma beta", "epsilon", 1e-3f)
            .outputs("y"));
    graph = tokens().input("s", DataType.FLOAT32, "batch", "length", 4);
    assertRoundTrip(
        graph
            .node("y sum", FUSED + "SkipLayerNormalization", "r s gamma", "epsilon", 1e-3f)
            .outputs("y sum"));
  }

  private static Graphs attention(String operator, String inputs, int causal) {
    return Graphs.opset(21)
        .input("q", DataType.FLOAT32, "batch", "length", 6)
        .input("k", DataType.FLOAT32, "batch", "length", 6)
        .input("v", DataType.FLOAT32, "batch", "length", 6)
        .input("qkv", DataType.FLOAT32, "batch", "length", 18)
        .input("mask", DataType.FLOAT32, "batch", 1, 1, "length")
        .node("y", FUSED + operator, inputs, "heads", 2, "scale", 0.5f, "causal", causal)
        .outputs("y");
  }

  @Test
  void multiHeadAttention() {
    assertRoundTrip(attention("MultiHeadAttention", "q k v", 0));
    assertRoundTrip(attention("MultiHeadAttention", "q k v mask", 0));
  }

  @Test
  void packedAttentionIsAttentionToItsThirds() {
    Model packed = attention("PackedAttention", "qkv mask", 0).model();
    Model parts =
        Graphs.opset(21)
            .input("qkv", DataType.FLOAT32, "batch", "length", 18)
            .input("mask", DataType.FLOAT32, "batch", 1, 1, "length")
            .node("q k v", "Split", "qkv", "axis", 2, "num_outputs", 3)
            .node(
                "y",
                FUSED + "MultiHeadAttention",
                "q k v mask",
                "heads",
                2,
                "scale",
                0.5f,
                "causal",
                0)
            .outputs("y")
            .model();
    Tensor qkv = Evaluation.random(1, 2, 3, 18);
    Tensor mask = Evaluation.random(2, 2, 1, 1, 3);
    Map<String, Tensor> inputs = Map.of("qkv", qkv, "mask", mask);
    Evaluation.assertClose(
        Evaluation.run(expanded(parts), inputs).get("y"),
        Evaluation.run(expanded(packed), inputs).get("y"),
        0,
        "y");
    assertRoundTrip(attention("PackedAttention", "qkv mask", 0));
  }

  @Test
  void causalAttentionSeesOnlyTheFirstTokenFirst() {
    Model model = attention("MultiHeadAttention", "q k v", 1).model();
    Tensor v = Evaluation.random(3, 1, 4, 6);
    Tensor y =
        Evaluation.run(
                expanded(model),
                Map.of(
                    "q", Evaluation.random(1, 1, 4, 6), "k", Evaluation.random(2, 1, 4, 6), "v", v))
            .get("y");
    for (int i = 0; i < 6; i++) {
      assertEquals(v.toFloats()[i], y.toFloats()[i], 1e-6f);
    }
  }

  @Test
  void positionEmbedding() {
    assertRoundTrip(
        Graphs.opset(21)
            .input("ids", DataType.INT64, "batch", "length")
            .weight("table", Evaluation.random(1, 9, 4))
            .node("y", FUSED + "PositionEmbedding", "ids table")
            .outputs("y"));
  }

  @ParameterizedTest
  @CsvSource({"mean, 0", "mean, 1", "first, 0", "first, 1"})
  void poolingIsRecognisedAgain(String kind, int normalize) {
    assertRoundTrip(
        tokens()
            .node(
                "y",
                FUSED + "SequencePooling",
                kind.equals("first") ? "x" : "x mask",
                "kind",
                kind,
                "normalize",
                normalize)
            .outputs("y"));
  }

  @Test
  void pooledValues() {
    Tensor x = Tensor.of(new float[] {1, -2, 3, 4, 50, 60, -7, -8, 9, 9, 9, 9}, 2, 3, 2);
    Tensor mask = Tensor.of(new long[] {1, 1, 0, 0, 0, 0}, 2, 3);
    assertArrayEquals(
        new float[] {2, 1, 0, 0}, pooled("mean", true, x, mask), "no tokens give zeros");
    assertArrayEquals(new float[] {3, 4, 0, 0}, pooled("max", true, x, mask));
    assertArrayEquals(new float[] {1, -2, -7, -8}, pooled("first", true, x, mask));
    assertArrayEquals(new float[] {50, 60, 9, 9}, pooled("max", false, x, mask));
    assertArrayEquals(
        new float[] {18, 62 / 3f, 11 / 3f, 10 / 3f}, pooled("mean", false, x, mask), 1e-5f);
  }

  private static float[] pooled(String kind, boolean masked, Tensor x, Tensor mask) {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", "length", 2)
            .input("mask", DataType.INT64, "batch", "length")
            .node("y", FUSED + "SequencePooling", masked ? "x mask" : "x", "kind", kind)
            .outputs("y")
            .model();
    return Evaluation.run(expanded(model), Map.of("x", x, "mask", mask)).get("y").toFloats();
  }

  @Test
  void fakeQuantizeOfATensor() {
    assertRoundTrip(
        tokens().node("y", FUSED + "FakeQuantize", "x", "mode", "dynamic_tensor").outputs("y"));
    assertRoundTrip(
        tokens()
            .node(
                "y",
                FUSED + "FakeQuantize",
                "x",
                "mode",
                "static",
                "scale",
                0.02f,
                "zero_point",
                99)
            .outputs("y"));
  }

  @Test
  void fakeQuantizeOfRows() {
    assertRoundTrip(
        tokens().node("y", FUSED + "FakeQuantize", "x", "mode", "dynamic_row").outputs("y"));
    assertRoundTrip(
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", 6)
            .node("y", FUSED + "FakeQuantize", "x", "mode", "dynamic_row")
            .outputs("y"));
  }

  @Test
  void rowsAreQuantizedEachByItself() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, 3, 2)
            .node("y", FUSED + "FakeQuantize", "x", "mode", "dynamic_row")
            .outputs("y")
            .model();
    Tensor x = Tensor.of(new float[] {255, 100.4f, 0, 0, -2.55f, 0.004f}, 3, 2);
    float[] y = Evaluation.run(expanded(model), Map.of("x", x)).get("y").toFloats();
    assertArrayEquals(new float[] {255, 100, 0, 0, -2.55f, 0}, y, 0.011f);
  }

  @Test
  void fusedOperatorsInAnOldOperatorSetThatCannotBeUpgraded() {
    Model model =
        Graphs.opset(9)
            .input("x", DataType.FLOAT32, "batch", 6)
            .weight("w", Evaluation.random(1, 6, 4))
            .integers("s", 1, 2)
            .node("l", FUSED + "Linear", "x w")
            .node("y", "Upsample", "l s")
            .outputs("y")
            .model();
    UnsupportedOperatorException refused =
        assertThrows(UnsupportedOperatorException.class, () -> ExpandFusedOperators.apply(model));
    assertTrue(refused.getMessage().contains("'l'"), refused.getMessage());
  }
}
