package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of all-MiniLM-L6-v2, as PyTorch 1.13 exports it and as quantized by ONNX. */
class MiniLmRewritesTest {
  private static final int BATCH = 3;
  private static final int LENGTH = 11;

  @TempDir static Path folder;

  private static Path file(String resource) {
    Path file = folder.resolve(resource);
    return Files.exists(file) ? file : TestModels.resource(resource, folder);
  }

  private static Map<String, long[]> tokens() {
    Random random = new Random(5);
    long[] ids = new long[BATCH * LENGTH];
    long[] mask = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      boolean token = i % LENGTH < LENGTH - 4 * (i / LENGTH);
      ids[i] = token ? 1000 + random.nextInt(20000) : 0;
      mask[i] = token ? 1 : 0;
    }
    Map<String, long[]> tokens = new LinkedHashMap<>();
    tokens.put("input_ids", ids);
    tokens.put("attention_mask", mask);
    tokens.put("token_type_ids", new long[ids.length]);
    return tokens;
  }

  private static Map<String, Tensor> inputs() {
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    tokens().forEach((name, values) -> inputs.put(name, Tensor.of(values, BATCH, LENGTH)));
    return inputs;
  }

  @Test
  void singlePrecision() {
    Path file = file("all-minilm-l6-v2.onnx");
    Model fused = Rewrites.apply(Model.load(file));
    assertEquals(
        "{Add=2, Cast=1, Gather=2, LayerNormalization=1, Linear=25, Mul=1, PackedAttention=6,"
            + " PositionEmbedding=1, SequencePooling=1, SkipLayerNormalization=12, Sub=1,"
            + " Unsqueeze=2}",
        Evaluation.operators(fused));
    Path expanded = folder.resolve("expanded.onnx");
    fused.save(expanded);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(file, inputs());
    Map<String, float[]> byOnnxRuntime = OnnxRuntimeOracle.run(expanded, inputs());
    Map<String, Tensor> byNode = Evaluation.run(fused, inputs());
    for (String output : List.of("output_0", "882")) {
      assertArrayEquals(expected.get(output), byOnnxRuntime.get(output), 1e-5f, output);
      assertArrayEquals(expected.get(output), byNode.get(output).toFloats(), 1e-5f, output);
    }
  }

  @Test
  void layersHaveTheNamesOfTheFramework() {
    Model fused = Rewrites.apply(Model.load(file("all-minilm-l6-v2.onnx")));
    List<String> layers =
        fused.graph().nodes().stream()
            .filter(Linears::isLinear)
            .map(Node::name)
            .filter(name -> name.contains("layer.3") || name.contains("pooler"))
            .toList();
    assertEquals(
        List.of(
            "encoder.layer.3.attention.self.query_key_value",
            "encoder.layer.3.attention.output.dense",
            "encoder.layer.3.intermediate.dense",
            "encoder.layer.3.output.dense",
            "pooler.dense"),
        layers);
    for (Node node : fused.graph().nodes()) {
      if (Linears.isLinear(node)) {
        assertEquals(node.name() + ".weight", node.input(1));
        assertEquals(node.name() + ".bias", node.input(2));
        boolean gelu = node.name().endsWith("intermediate.dense");
        boolean tanh = node.name().equals("pooler.dense");
        assertEquals(
            gelu ? "gelu_erf" : tanh ? "tanh" : "none", node.text("activation", ""), node.name());
      }
    }
    assertTrue(
        fused.graph().nodes().stream()
            .map(Node::name)
            .toList()
            .containsAll(List.of("embeddings.word_embeddings", "embeddings.LayerNorm")));
  }

  @Test
  void quantizedByAnotherTool() {
    Path file = file("all-minilm-l6-v2-q.onnx");
    Model fused = Rewrites.apply(Model.load(file));
    assertEquals(
        "{Add=2, Cast=1, FakeQuantize=24, Gather=2, LayerNormalization=1, Linear=24, Mul=1,"
            + " PackedAttention=6, PositionEmbedding=1, SkipLayerNormalization=12, Sub=1,"
            + " Unsqueeze=2}",
        Evaluation.operators(fused));
    for (Node node : fused.graph().nodes()) {
      if (Linears.isLinear(node)) {
        QuantizedWeight weight = (QuantizedWeight) fused.weights().get(node.input(1));
        assertEquals(new Granularity.PerChannel(1), weight.granularity());
      }
      if (node.is("Gather")) {
        Weight table = fused.weights().get(node.input(0));
        assertEquals(
            new Granularity.PerTensor(), ((QuantizedWeight) table).granularity(), node.name());
      }
    }
    // Rounding in another order moves codes by one here and there, and layers pass that on.
    Path expanded = folder.resolve("expanded-q.onnx");
    fused.save(expanded);
    float[] expected = OnnxRuntimeOracle.run(file, inputs()).get("last_hidden_state");
    float[] byOnnxRuntime = OnnxRuntimeOracle.run(expanded, inputs()).get("last_hidden_state");
    float[] byNode = Evaluation.run(fused, inputs()).get("last_hidden_state").toFloats();
    assertTrue(cosine(expected, byOnnxRuntime) > 0.999);
    assertTrue(cosine(expected, byNode) > 0.999);
  }

  private static double cosine(float[] expected, float[] actual) {
    double product = 0;
    double expectedSquares = 0;
    double actualSquares = 0;
    for (int i = 0; i < expected.length; i++) {
      product += (double) expected[i] * actual[i];
      expectedSquares += (double) expected[i] * expected[i];
      actualSquares += (double) actual[i] * actual[i];
    }
    return product / Math.sqrt(expectedSquares * actualSquares);
  }

  @Test
  void rewritingAgainChangesNothing() {
    Model fused = Rewrites.apply(Model.load(file("all-minilm-l6-v2.onnx")));
    assertEquals(fused.graph(), Rewrites.apply(fused).graph());
  }

  @Test
  void expandedAndRewrittenItIsTheSameAgain() {
    for (String resource : List.of("all-minilm-l6-v2.onnx", "all-minilm-l6-v2-q.onnx")) {
      Model fused = Rewrites.apply(Model.load(file(resource)));
      Model back = Rewrites.apply(ExpandFusedOperators.apply(fused));
      assertEquals(Evaluation.operators(fused), Evaluation.operators(back));
    }
  }
}
