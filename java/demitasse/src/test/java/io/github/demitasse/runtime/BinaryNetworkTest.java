package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.CompressionResult;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks with binary weights and activations, in the form that training frameworks export. */
class BinaryNetworkTest {
  private static final Quantize SIGNS =
      Quantize.weights(NumberFormat.BINARY).activations(NumberFormat.BINARY);
  private static final int INPUTS = 70;
  private static final int FIRST = 131;
  private static final int SECOND = 64;
  private static final int THIRD = 97;
  private static final int OUTPUTS = 10;
  private static final int ROWS = 37;

  private static final String[] LAYERS = {"MatMul4", "MatMul11", "MatMul15"};

  @TempDir Path folder;

  /**
   * A float layer, then layers of signs with batch normalization between them, one of negative
   * factors too; the signs are said in the two forms that exporters write.
   */
  private static Model trained() {
    ModelBuilder builder = new ModelBuilder().input("x", DataType.FLOAT32, "rows", INPUTS);
    builder.random("w0", INPUTS, FIRST).node("MatMul", List.of("x", "w0"), "h0");
    normalization(builder, "h0", FIRST);
    where(builder, "h0n", "s0");
    builder
        .weight("w1", signs(FIRST, SECOND, 1))
        .random("b1", SECOND)
        .node("MatMul", List.of("s0", "w1"), "p1")
        .node("Add", List.of("p1", "b1"), "h1");
    normalization(builder, "h1", SECOND);
    cast(builder, "h1n", "s1");
    builder.weight("w2", signs(SECOND, THIRD, 2)).node("MatMul", List.of("s1", "w2"), "h2");
    builder.random("b2", THIRD).node("Add", List.of("h2", "b2"), "h2n");
    where(builder, "h2n", "s2");
    return builder
        .weight("w3", signs(THIRD, OUTPUTS, 3))
        .random("b3", OUTPUTS)
        .node("MatMul", List.of("s2", "w3"), "p3")
        .node("Add", List.of("p3", "b3"), "y")
        .output("y", DataType.FLOAT32, "rows", OUTPUTS)
        .build();
  }

  private static void normalization(ModelBuilder builder, String value, int channels) {
    Random random = new Random(channels);
    float[] variance = new float[channels];
    for (int c = 0; c < channels; c++) {
      variance[c] = 0.5f + random.nextFloat();
    }
    builder
        .random(value + "g", channels)
        .random(value + "b", channels)
        .random(value + "m", channels)
        .weight(value + "v", Tensor.of(variance, channels))
        .node(
            "BatchNormalization",
            List.of(value, value + "g", value + "b", value + "m", value + "v"),
            value + "n");
  }

  private static void where(ModelBuilder builder, String x, String result) {
    builder
        .weight(x + "zero", Tensor.scalar(0f))
        .weight(x + "one", Tensor.scalar(1f))
        .weight(x + "minus", Tensor.scalar(-1f))
        .node("GreaterOrEqual", List.of(x, x + "zero"), x + "p")
        .node("Where", List.of(x + "p", x + "one", x + "minus"), result);
  }

  private static void cast(ModelBuilder builder, String x, String result) {
    builder
        .weight(x + "zero", Tensor.scalar(0f))
        .weight(x + "two", Tensor.scalar(2f))
        .weight(x + "one", Tensor.scalar(1f))
        .node("GreaterOrEqual", List.of(x, x + "zero"), x + "p")
        .node("", "Cast", List.of(x + "p"), List.of(x + "f"), Map.of("to", Attribute.of(1)))
        .node("Mul", List.of(x + "f", x + "two"), x + "d")
        .node("Sub", List.of(x + "d", x + "one"), result);
  }

  /** A scale for each column, and signs. */
  private static Tensor signs(int rows, int columns, long seed) {
    Random random = new Random(seed);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (random.nextBoolean() ? 1 : -1) * 0.0625f * (1 + i % columns % 7);
    }
    return Tensor.of(values, rows, columns);
  }

  private static Map<String, Tensor> rows() {
    Random random = new Random(9);
    float[] x = new float[ROWS * INPUTS];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(x, ROWS, INPUTS));
  }

  private static Model binary() {
    return Compressor.on(trained()).apply(Recipe.of(SIGNS.in(LAYERS))).model();
  }

  private static float[] run(Model model, Map<String, Tensor> input) {
    try (Session session = Session.open(model);
        Tensor y = session.run(input).get("y")) {
      return y.toFloats();
    }
  }

  private float[] runElsewhere(Model model, Map<String, Tensor> input) {
    Path file = folder.resolve("network.onnx");
    model.save(file);
    return OnnxRuntimeOracle.run(file, input).get("y");
  }

  private static long binaryLayers(Model model) {
    return model.weights().values().stream().filter(BinaryWeight.class::isInstance).count();
  }

  private static int operations(Model model, Map<String, Tensor> input, String... outputs) {
    Model rewritten = Rewrites.apply(model, NodeEvaluator::evaluateIfKnown);
    Model shaped = withRows(rewritten, input.get("x").shape());
    SpecializedModel specialized = ConstantFolding.fold(shaped);
    try (PackedWeights weights = new PackedWeights();
        NativeProgram program =
            Lowering.lower(
                    new Lowering.Request(shaped, weights),
                    new StaticView(shaped, specialized.inference()),
                    List.of(outputs))
                .program()) {
      return program.operations();
    }
  }

  private static Model withRows(Model model, long[] shape) {
    Graph graph = model.graph();
    ValueInfo x = new ValueInfo("x", DataType.FLOAT32, Shape.of(shape));
    return model.withGraph(
        new Graph(
            graph.name(), graph.opsets(), List.of(x), graph.outputs(), graph.nodes(), Map.of()));
  }

  @Test
  void aTrainedNetworkGivesTheSameInSignsAsInFloatsAndElsewhere() {
    Map<String, Tensor> input = rows();
    float[] expected = runElsewhere(trained(), input);
    Model binary = binary();
    assertEquals(3, binaryLayers(binary));
    float[] actual = run(binary, input);
    // The layer of floats before the signs rounds in its own way: a sign there may turn.
    assertArrayEquals(expected, actual, 1e-4f);
    assertArrayEquals(expected, run(trained(), input), 1e-4f);
  }

  @Test
  void anExportedBinaryNetworkRunsElsewhereAndComesBack() {
    Map<String, Tensor> input = rows();
    Model binary = binary();
    float[] expected = runElsewhere(binary, input);
    assertArrayEquals(expected, run(binary, input), 1e-4f);
    Path file = folder.resolve("network.onnx");
    Model back = Rewrites.apply(Model.load(file), NodeEvaluator::evaluateIfKnown);
    assertEquals(3, binaryLayers(back));
    assertArrayEquals(run(binary, input), run(back, input));
    Path own = folder.resolve("network.dmt");
    binary.save(own);
    assertArrayEquals(run(binary, input), run(Model.load(own), input));
  }

  /** One float layer, its signs, and three layers of signs: nothing between them. */
  @Test
  void layersOfSignsFollowEachOtherWithoutFloats() {
    Map<String, Tensor> input = rows();
    assertEquals(5, operations(binary(), input, "y"));
    // A caller that asks for floats between two layers gets them, and the signs are made of them.
    assertEquals(6, operations(binary(), input, "y", "h1n"));
  }

  @Test
  void valuesBetweenLayersThatAreAskedForAreThere() {
    Map<String, Tensor> input = rows();
    Model between = withOutput(binary(), "h1n", SECOND);
    Model floats = dequantized(between);
    try (Session real = Session.open(between);
        Session simulated = Session.open(floats)) {
      Map<String, Tensor> expected = simulated.run(input);
      Map<String, Tensor> actual = real.run(input);
      for (String name : List.of("h1n", "y")) {
        assertArrayEquals(expected.get(name).toFloats(), actual.get(name).toFloats(), 1e-4f, name);
      }
    }
  }

  private static Model withOutput(Model model, String name, int features) {
    Graph graph = model.graph();
    List<ValueInfo> outputs = new ArrayList<>(graph.outputs());
    outputs.add(
        new ValueInfo(
            name, DataType.FLOAT32, Shape.of(Dimension.symbol("rows"), Dimension.of(features))));
    return model.withGraph(
        new Graph(graph.name(), graph.opsets(), graph.inputs(), outputs, graph.nodes(), Map.of()));
  }

  private static Model dequantized(Model model) {
    Map<String, Weight> floats = new HashMap<>();
    model.weights().forEach((name, w) -> floats.put(name, new DenseWeight(w.dequantize())));
    return model.withWeights(floats);
  }

  /** Sums of signs, read off the outputs of the simulated and the real model: the same integers. */
  @Test
  void simulatedAndRealExecutionGiveTheSameSums() {
    for (int k : new int[] {1, 63, 64, 65, 200}) {
      int n = 33;
      Random random = new Random(k);
      byte[] bits = new byte[(k * n + 7) / 8];
      random.nextBytes(bits);
      if (k * n % 8 != 0) {
        bits[bits.length - 1] &= (byte) ((1 << k * n % 8) - 1);
      }
      float[] scales = new float[n];
      for (int i = 0; i < n; i++) {
        scales[i] = 0.1f + random.nextFloat();
      }
      Weight weight =
          new BinaryWeight(
              Tensor.ofBytes(DataType.UINT8, bits, bits.length),
              k,
              n,
              Tensor.of(scales, n),
              new Granularity.PerChannel(1));
      Model real =
          new ModelBuilder()
              .input("x", DataType.FLOAT32, "rows", k)
              .fused(FusedOperators.BINARIZE, List.of("x"), List.of("s"), Map.of())
              .weight("w", weight)
              .fused(FusedOperators.LINEAR, List.of("s", "w"), List.of("y"), Map.of())
              .output("y", DataType.FLOAT32, "rows", n)
              .build();
      float[] x = new float[11 * k];
      for (int i = 0; i < x.length; i++) {
        x[i] = i % 9 == 0 ? 0 : i % 17 == 0 ? Float.NaN : (float) random.nextGaussian();
      }
      Map<String, Tensor> input = Map.of("x", Tensor.of(x, 11, k));
      float[] sums = run(real, input);
      float[] simulated = run(dequantized(real), input);
      for (int i = 0; i < sums.length; i++) {
        float scale = scales[i % n];
        assertEquals(Math.rint(simulated[i] / scale), sums[i] / scale, 1e-4, "k " + k);
      }
    }
  }

  @Test
  void thresholdsSayWhatTheFloatsWouldHaveSaid() {
    Random random = new Random(5);
    int k = 24;
    int n = 300;
    float[] scales = new float[n];
    float[] bias = new float[n];
    for (int i = 0; i < n; i++) {
      scales[i] = i % 10 == 0 ? 0 : 0.25f * (1 + random.nextInt(8));
      bias[i] = i % 7 == 0 ? -scales[i] * (random.nextInt(60) - 30) : (float) random.nextGaussian();
    }
    bias[3] = Float.NaN;
    bias[4] = Float.NEGATIVE_INFINITY;
    bias[5] = Float.POSITIVE_INFINITY;
    int[] thresholds = SignThresholds.of(weight(k, scales), bias);
    for (int i = 0; i < n; i++) {
      for (int sum = -k; sum <= k; sum++) {
        String what = scales[i] + " * " + sum + " + " + bias[i];
        assertEquals(scales[i] * sum + bias[i] >= 0, sum >= thresholds[i], what);
      }
    }
    scales[8] = -0.5f;
    assertNull(SignThresholds.of(weight(k, scales), bias));
  }

  private static BinaryWeight weight(int k, float[] scales) {
    byte[] bits = new byte[k * scales.length / 8];
    return new BinaryWeight(
        Tensor.ofBytes(DataType.UINT8, bits, bits.length),
        k,
        scales.length,
        Tensor.of(scales, scales.length),
        new Granularity.PerChannel(1));
  }

  @Test
  void negativeScalesAndReadersOfCodesFallBackToFloats() {
    float[] scales = new float[SECOND];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = i % 2 == 0 ? -0.5f : 0.25f;
    }
    Random random = new Random(3);
    byte[] bits = new byte[INPUTS * SECOND / 8];
    random.nextBytes(bits);
    Weight first =
        new BinaryWeight(
            Tensor.ofBytes(DataType.UINT8, bits, bits.length),
            INPUTS,
            SECOND,
            Tensor.of(scales, SECOND),
            new Granularity.PerChannel(1));
    Model model =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, "rows", INPUTS)
            .fused(FusedOperators.BINARIZE, List.of("x"), List.of("s"), Map.of())
            .weight("w", first)
            .fused(FusedOperators.LINEAR, List.of("s", "w"), List.of("h"), Map.of())
            .fused(FusedOperators.BINARIZE, List.of("h"), List.of("t"), Map.of())
            .weight("v", weight(SECOND, new float[] {1, 2, 3, 4, 5, 6, 7, 8}))
            .fused(FusedOperators.LINEAR, List.of("t", "v"), List.of("y1"), Map.of())
            .fused(
                FusedOperators.FAKE_QUANTIZE,
                List.of("h"),
                List.of("q"),
                Map.of(
                    "mode",
                    Attribute.of("static"),
                    "scale",
                    Attribute.of(0.25f),
                    "zero_point",
                    Attribute.of(128L)))
            .weight("u", weight(SECOND, new float[] {8, 7, 6, 5, 4, 3, 2, 1}))
            .fused(FusedOperators.LINEAR, List.of("q", "u"), List.of("y2"), Map.of())
            .node("Add", List.of("y1", "y2"), "y")
            .output("y", DataType.FLOAT32, "rows", 8)
            .build();
    Map<String, Tensor> input = rows();
    assertArrayEquals(run(dequantized(model), input), run(model, input), 1e-3f);
    float[] floats = run(model, input);
    float largest = 0;
    for (float value : floats) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertTrue(largest > 100, "outputs far beyond the tolerance: " + largest);
  }

  @Test
  void layersThatGetNoSignsAreRefusedUnlessForced() {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> Recipe.of(SIGNS.in("MatMul0")).plan(trained()))
            .getMessage();
    assertTrue(message.contains("MatMul0") && message.contains("binary weights"), message);
    Model signsOnly =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, "rows", FIRST)
            .weight("w", signs(FIRST, SECOND, 1))
            .node("MatMul", List.of("x", "w"), "y")
            .output("y", DataType.FLOAT32, "rows", SECOND)
            .build();
    message =
        assertThrows(IllegalArgumentException.class, () -> Recipe.of(SIGNS).plan(signsOnly))
            .getMessage();
    assertTrue(message.contains("binary activations") && message.contains("force"), message);
    assertTrue(Recipe.of(SIGNS.force()).plan(signsOnly).needsCalibration());
  }

  /** XNOR-Net's scale of activations is in the weights: outputs have the size of the original's. */
  @Test
  void forcedSignsStandForTheMeanMagnitudeOfTheirInput() {
    Map<String, Tensor> input = rows();
    CompressionResult result =
        Compressor.on(trained())
            .calibration(Dataset.of(List.of(input)))
            .apply(Recipe.of(SIGNS.force().in("MatMul0")));
    Model forced = result.model();
    assertEquals(1, binaryLayers(forced));
    Weight weight =
        forced.weights().values().stream()
            .filter(BinaryWeight.class::isInstance)
            .findFirst()
            .orElseThrow();
    double mean = 0;
    for (float value : input.get("x").toFloats()) {
      mean += Math.abs(value) / (ROWS * INPUTS);
    }
    Model plain =
        Compressor.on(trained())
            .apply(Recipe.of(Quantize.weights(NumberFormat.BINARY).force().in("MatMul0")))
            .model();
    BinaryWeight unscaled =
        (BinaryWeight)
            plain.weights().values().stream()
                .filter(BinaryWeight.class::isInstance)
                .findFirst()
                .orElseThrow();
    float[] scales = ((BinaryWeight) weight).scales().toFloats();
    float[] before = unscaled.scales().toFloats();
    for (int i = 0; i < scales.length; i++) {
      assertEquals(mean * before[i], scales[i], 1e-5 * before[i]);
    }
    assertArrayEquals(run(forced, input), runElsewhere(forced, input), 1e-4f);
  }

  @Test
  void settingsThatDoNotGoTogetherAreRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> Quantize.weights(NumberFormat.INT8).activations(NumberFormat.BINARY));
    assertThrows(IllegalArgumentException.class, SIGNS::correctBias);
    assertEquals(
        "quantize: weights binary per channel, no tables, activations binary", SIGNS.toString());
  }
}
