package io.github.demitasse.format.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.HalfFloats;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxWriterTest {
  private static final int INPUTS = 8;
  private static final int OUTPUTS = 5;

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"all-minilm-l6-v2.onnx", "all-minilm-l6-v2-q.onnx"})
  void miniLmWrittenBackGivesIdenticalOutputs(String name) {
    Path original = TestModels.resource(name, folder);
    Model model = Model.load(original);
    Path copy = folder.resolve("copy.onnx");
    model.save(copy);
    TestModels.assertSame(model, Model.load(copy));
    Map<String, Tensor> inputs = OnnxRuntimeOracle.tokens(101, 7592, 2088, 999, 102);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(original, inputs);
    Map<String, float[]> actual = OnnxRuntimeOracle.run(copy, inputs);
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach((output, values) -> assertArrayEquals(values, actual.get(output), output));
  }

  @Test
  void miniLmThroughDmtGivesIdenticalOutputs() {
    Path original = TestModels.resource("all-minilm-l6-v2.onnx", folder);
    Model.load(original).save(folder.resolve("a.dmt"));
    Model.load(folder.resolve("a.dmt")).save(folder.resolve("b.onnx"));
    Map<String, Tensor> inputs = OnnxRuntimeOracle.tokens(101, 2023, 2003, 102);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(original, inputs);
    OnnxRuntimeOracle.run(folder.resolve("b.onnx"), inputs)
        .forEach((output, values) -> assertArrayEquals(expected.get(output), values, output));
  }

  @Test
  void externalDataIsWrittenBesideTheModel() throws IOException {
    Path original = TestModels.resource("all-minilm-l6-v2-q.onnx", folder);
    Model model = Model.load(original);
    Path copy = folder.resolve("copy.onnx");
    Files.writeString(folder.resolve("copy.onnx.data"), "somebody else's");
    OnnxWriter.write(
        model, copy, OnnxWriter.Storage.EXTERNAL, OnnxWriter.GroupedWeights.DEQUANTIZE_LINEAR);
    assertTrue(Files.size(copy) < 500_000, Files.size(copy) + " bytes");
    assertTrue(Files.size(folder.resolve("copy.onnx.2.data")) > 20_000_000);
    assertEquals("somebody else's", Files.readString(folder.resolve("copy.onnx.data")));
    Model back = Model.load(copy);
    TestModels.assertSame(model, back);
    Map<String, Tensor> inputs = OnnxRuntimeOracle.tokens(101, 2023, 2003, 102);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(original, inputs);
    OnnxRuntimeOracle.run(copy, inputs)
        .forEach((output, values) -> assertArrayEquals(expected.get(output), values, output));
  }

  static Stream<Arguments> encodedWeights() {
    return Stream.of(9, 11, 12, 13, 17, 21)
        .flatMap(opset -> weights().entrySet().stream().map(e -> Arguments.of(opset, e.getKey())));
  }

  private static Map<String, Weight> weights() {
    Random random = new Random(5);
    byte[] codes = new byte[INPUTS * OUTPUTS];
    random.nextBytes(codes);
    Tensor signed = Tensor.ofBytes(DataType.INT8, codes, INPUTS, OUTPUTS);
    Tensor unsigned = Tensor.ofBytes(DataType.UINT8, codes, INPUTS, OUTPUTS);
    Map<String, Weight> weights = new LinkedHashMap<>();
    weights.put(
        "int8 per tensor",
        new QuantizedWeight(signed, Tensor.scalar(0.02f), null, new Granularity.PerTensor()));
    weights.put(
        "uint8 per tensor asymmetric",
        new QuantizedWeight(
            unsigned,
            Tensor.of(new float[] {0.02f}, 1),
            Tensor.ofBytes(DataType.UINT8, new byte[] {(byte) 131}, 1),
            new Granularity.PerTensor()));
    weights.put(
        "int8 per channel",
        new QuantizedWeight(signed, floats(random, OUTPUTS), null, new Granularity.PerChannel(1)));
    weights.put(
        "uint8 per channel asymmetric",
        new QuantizedWeight(
            unsigned,
            floats(random, INPUTS),
            Tensor.ofBytes(DataType.UINT8, new byte[] {1, 2, 3, -4, 5, 6, -7, 8}, INPUTS),
            new Granularity.PerChannel(0)));
    weights.put(
        "int8 group 4",
        new QuantizedWeight(
            signed, floats(random, 2, OUTPUTS), null, new Granularity.PerGroup(0, 4)));
    short[] halves = new short[INPUTS * OUTPUTS];
    Tensor half = Tensor.allocate(DataType.FLOAT16, INPUTS, OUTPUTS);
    Tensor brain = Tensor.allocate(DataType.BFLOAT16, INPUTS, OUTPUTS);
    for (int i = 0; i < halves.length; i++) {
      half.buffer().putShort(2 * i, HalfFloats.floatToFloat16(random.nextFloat()));
      brain.buffer().putShort(2 * i, HalfFloats.floatToBfloat16(random.nextFloat()));
    }
    weights.put("float16", new DenseWeight(half, DataType.FLOAT32));
    weights.put("bfloat16", new DenseWeight(brain, DataType.FLOAT32));
    return weights;
  }

  private static Tensor floats(Random random, long... shape) {
    Tensor tensor = Tensor.allocate(DataType.FLOAT32, shape);
    for (int i = 0; i < tensor.elements(); i++) {
      tensor.buffer().putFloat(4 * i, random.nextFloat() / 50);
    }
    return tensor;
  }

  @ParameterizedTest
  @MethodSource("encodedWeights")
  void encodedWeightsMeanTheSameToOnnxRuntime(int opset, String encoding) {
    Weight weight = weights().get(encoding);
    float[] bias = {1, 2, 3, 4, 5};
    Model model = withOpset(TestModels.linear(weight, bias), opset);
    Path file = folder.resolve("linear.onnx");
    model.save(file);
    Tensor x = floats(new Random(6), 3, INPUTS);
    float[] actual = OnnxRuntimeOracle.run(file, Map.of("x", x)).get("y");
    assertArrayEquals(product(x.toFloats(), weight.dequantize().toFloats(), bias), actual, 1e-5f);
    assertTrue(Model.load(file).weights().size() >= 2);
  }

  private static float[] product(float[] x, float[] w, float[] bias) {
    float[] y = new float[3 * OUTPUTS];
    for (int i = 0; i < y.length; i++) {
      y[i] = bias[i % OUTPUTS];
      for (int k = 0; k < INPUTS; k++) {
        y[i] += x[i / OUTPUTS * INPUTS + k] * w[k * OUTPUTS + i % OUTPUTS];
      }
    }
    return y;
  }

  @Test
  void weightsPerChannelBringAnOldModelToANewOpset() {
    Model model = withOpset(oldOperators(), 11);
    Path plain = folder.resolve("plain.onnx");
    model.save(plain);
    assertEquals(11, Model.load(plain).graph().opset());
    Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
    Tensor scales = Tensor.of(new float[] {1, 1, 1, 1, 1}, 5);
    Tensor codes = Tensor.ofBytes(DataType.INT8, new byte[] {1, 2, 3, 4, 5}, 1, 5);
    weights.put("w", new QuantizedWeight(codes, scales, null, new Granularity.PerChannel(1)));
    Path upgraded = folder.resolve("upgraded.onnx");
    model.withWeights(weights).save(upgraded);
    Model back = Model.load(upgraded);
    assertEquals(21, back.graph().opset());
    assertTrue(back.graph().nodes().stream().anyMatch(node -> node.is("DequantizeLinear")));
    Map<String, Tensor> inputs = Map.of("x", floats(new Random(7), 2, 3, 5));
    assertArrayEquals(
        OnnxRuntimeOracle.run(plain, inputs).get("y"),
        OnnxRuntimeOracle.run(upgraded, inputs).get("y"));
  }

  /**
   * Uses every operator whose attributes or meaning changed between opsets 11 and 13, and is still
   * there in 21.
   */
  private static Model oldOperators() {
    List<Node> nodes =
        List.of(
            Node.of("mul", "Mul", List.of("x", "w"), List.of("a")),
            Node.of("softmax", "Softmax", List.of("a"), List.of("b")),
            Node.of("log", "LogSoftmax", List.of("b"), List.of("c"))
                .withAttribute("axis", Attribute.of(-1L)),
            Node.of("unsqueeze", "Unsqueeze", List.of("c"), List.of("d"))
                .withAttribute("axes", Attribute.ofIntegers(List.of(0L))),
            Node.of("split", "Split", List.of("d"), List.of("e", "f"))
                .withAttribute("axis", Attribute.of(2L))
                .withAttribute("split", Attribute.ofIntegers(List.of(1L, 2L))),
            Node.of("sum", "ReduceSum", List.of("f"), List.of("g"))
                .withAttribute("axes", Attribute.ofIntegers(List.of(2L))),
            Node.of("add", "Add", List.of("e", "g"), List.of("h")),
            Node.of("dropout", "Dropout", List.of("h"), List.of("i"))
                .withAttribute("ratio", Attribute.of(0.5f)),
            Node.of("squeeze", "Squeeze", List.of("i"), List.of("y"))
                .withAttribute("axes", Attribute.ofIntegers(List.of(0L, 2L))));
    Graph graph =
        new Graph(
            "old",
            Map.of("", 11),
            List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(2, 3, 5))),
            List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(2, 5))),
            nodes,
            Map.of());
    Weight weight = new DenseWeight(Tensor.of(new float[] {1, 2, 3, 4, 5}, 1, 5));
    return new Model(graph, Map.of("w", weight), Map.of());
  }

  private static Model withOpset(Model model, int opset) {
    Graph graph = model.graph();
    Map<String, Integer> opsets = new HashMap<>(graph.opsets());
    opsets.put("", opset);
    return model.withGraph(
        new Graph(
            graph.name(), opsets, graph.inputs(), graph.outputs(), graph.nodes(), graph.values()));
  }

  @Test
  void metadataAndModelFieldsComeBack() {
    Map<String, String> metadata =
        Map.of(
            "onnx.producer_name", "somebody",
            "onnx.producer_version", "3",
            "onnx.domain", "org.example",
            "onnx.model_version", "-7",
            "onnx.doc_string", "words",
            "key", "value");
    Model linear = TestModels.linear(weights().get("int8 per tensor"), new float[OUTPUTS]);
    Path file = folder.resolve("linear.onnx");
    new Model(linear.graph(), linear.weights(), metadata).save(file);
    assertEquals(metadata, Model.load(file).metadata());
  }

  @Test
  void namesThatTheWriterWantsMayBeTaken() {
    Map<String, Weight> weights = new LinkedHashMap<>();
    Model linear = TestModels.linear(weights().get("int8 per channel"), new float[OUTPUTS]);
    weights.putAll(linear.weights());
    weights.put("w_quantized", new DenseWeight(Tensor.scalar(1f)));
    weights.put("w_scale", new DenseWeight(Tensor.scalar(2f)));
    Path file = folder.resolve("linear.onnx");
    linear.withWeights(weights).save(file);
    assertEquals(2f, Model.load(file).weights().get("w_scale").dequantize().toFloats()[0]);
  }

  @Test
  void fusedOperatorsAreSaidInPlainOnnx() {
    Model linear =
        TestModels.linear(weights().get("int8 per channel"), new float[] {1, 2, 3, 4, 5});
    Node fused =
        new Node(
            "fused",
            Domains.DEMITASSE,
            FusedOperators.LINEAR,
            List.of("x", "w", "b"),
            List.of("y"),
            Map.of("activation", Attribute.of("relu")));
    Model model = withOpset(linear.withGraph(linear.graph().withNodes(List.of(fused))), 21);
    Path file = folder.resolve("fused.onnx");
    model.save(file);
    Tensor x = floats(new Random(6), 3, INPUTS);
    float[] expected =
        product(
            x.toFloats(),
            model.weights().get("w").dequantize().toFloats(),
            new float[] {1, 2, 3, 4, 5});
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Math.max(0, expected[i]);
    }
    assertArrayEquals(expected, OnnxRuntimeOracle.run(file, Map.of("x", x)).get("y"), 1e-5f);
  }

  @Test
  void anUnknownFusedOperatorIsNamed() {
    Model linear = TestModels.linear(weights().get("float16"), new float[OUTPUTS]);
    Node fused =
        new Node("mine", Domains.DEMITASSE, "Nothing", List.of("x"), List.of("y"), Map.of());
    Model model = linear.withGraph(linear.graph().withNodes(List.of(fused)));
    UnsupportedOperatorException failed =
        assertThrows(
            UnsupportedOperatorException.class, () -> model.save(folder.resolve("fused.onnx")));
    assertTrue(failed.getMessage().contains("'mine'"), failed.getMessage());
  }
}
