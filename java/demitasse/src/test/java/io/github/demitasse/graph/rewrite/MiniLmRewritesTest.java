package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.io.InputStream;
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

  private static Path file(String resource) throws IOException {
    Path file = folder.resolve(resource);
    if (!Files.exists(file)) {
      try (InputStream stream = MiniLmRewritesTest.class.getResourceAsStream("/" + resource)) {
        assumeTrue(stream != null, resource + " is not on the test class path");
        Files.copy(stream, file);
      }
    }
    return file;
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

  private static float[] byOnnxRuntime(Path file, String output) throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
    for (Map.Entry<String, long[]> input : tokens().entrySet()) {
      inputs.put(
          input.getKey(),
          OnnxTensor.createTensor(
              environment, java.nio.LongBuffer.wrap(input.getValue()), new long[] {BATCH, LENGTH}));
    }
    try (OrtSession session = environment.createSession(file.toString());
        OrtSession.Result result = session.run(inputs)) {
      OnnxTensor tensor = (OnnxTensor) result.get(output).orElseThrow();
      float[] values = new float[tensor.getFloatBuffer().remaining()];
      tensor.getFloatBuffer().get(values);
      return values;
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  private static float[] byNodes(Model model, String output) {
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    tokens().forEach((name, values) -> inputs.put(name, Tensor.of(values, BATCH, LENGTH)));
    return Evaluation.run(model, inputs).get(output).toFloats();
  }

  @Test
  void singlePrecision() throws Exception {
    Path file = file("all-minilm-l6-v2.onnx");
    Model fused = Rewrites.apply(Model.load(file));
    assertEquals(
        "{Add=2, Cast=1, Gather=2, LayerNormalization=1, Linear=25, Mul=1, PackedAttention=6,"
            + " PositionEmbedding=1, SequencePooling=1, SkipLayerNormalization=12, Sub=1,"
            + " Unsqueeze=2}",
        Evaluation.operators(fused));
    assertArrayEquals(
        byOnnxRuntime(file, "output_0"), byNodes(fused, "output_0"), 1e-5f, "last hidden state");
    assertArrayEquals(byOnnxRuntime(file, "882"), byNodes(fused, "882"), 1e-5f, "pooler");
  }

  @Test
  void layersHaveTheNamesOfTheFramework() throws Exception {
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
  void quantizedByAnotherTool() throws Exception {
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
    float[] expected = byOnnxRuntime(file, "last_hidden_state");
    float[] actual = byNodes(fused, "last_hidden_state");
    double product = 0;
    double expectedSquares = 0;
    double actualSquares = 0;
    for (int i = 0; i < expected.length; i++) {
      product += (double) expected[i] * actual[i];
      expectedSquares += (double) expected[i] * expected[i];
      actualSquares += (double) actual[i] * actual[i];
    }
    double cosine = product / Math.sqrt(expectedSquares * actualSquares);
    assertTrue(cosine > 0.999, "cosine " + cosine);
  }

  @Test
  void rewritingAgainChangesNothing() throws Exception {
    Model fused = Rewrites.apply(Model.load(file("all-minilm-l6-v2.onnx")));
    assertEquals(fused.graph(), Rewrites.apply(fused).graph());
  }

  @Test
  void expandedAndRewrittenItIsTheSameAgain() throws Exception {
    for (String resource : List.of("all-minilm-l6-v2.onnx", "all-minilm-l6-v2-q.onnx")) {
      Model fused = Rewrites.apply(Model.load(file(resource)));
      Model back = Rewrites.apply(ExpandFusedOperators.apply(fused));
      assertEquals(Evaluation.operators(fused), Evaluation.operators(back));
    }
  }
}
