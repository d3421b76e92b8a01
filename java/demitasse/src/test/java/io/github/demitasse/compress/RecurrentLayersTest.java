package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.quantize.AdaRound;
import io.github.demitasse.compress.quantize.Gptq;
import io.github.demitasse.compress.quantize.HalfQuadratic;
import io.github.demitasse.compress.quantize.MinMax;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.compress.quantize.RoundToNearest;
import io.github.demitasse.compress.quantize.SmallestError;
import io.github.demitasse.compress.quantize.WeightMethod;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.evaluate.SignalToNoise;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.runtime.ModelBuilder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RNN, GRU and LSTM layers from recipe to file, here and in ONNX Runtime. */
class RecurrentLayersTest {
  private static final int STEPS = 6;
  private static final int BATCH = 3;
  private static final int INPUTS = 32;
  private static final int HIDDEN = 48;

  private static final List<Quantize> FORMATS =
      List.of(
          Quantize.weights(NumberFormat.INT8),
          Quantize.weights(NumberFormat.INT8).asymmetric(),
          Quantize.weights(NumberFormat.INT8).perTensor(),
          Quantize.weights(NumberFormat.INT8).group(16),
          Quantize.weights(NumberFormat.INT8).by(new RoundToNearest(SmallestError.INSTANCE)),
          Quantize.weights(NumberFormat.INT8).by(new RoundToNearest(HalfQuadratic.INSTANCE)),
          Quantize.weights(NumberFormat.INT4),
          Quantize.weights(NumberFormat.INT4).group(16).asymmetric(),
          Quantize.weights(NumberFormat.NF4).group(16),
          Quantize.weights(NumberFormat.CODEBOOK4),
          Quantize.weights(NumberFormat.FLOAT16),
          Quantize.weights(NumberFormat.BFLOAT16));

  @TempDir Path folder;

  private static int gates(String operator) {
    return operator.equals("LSTM") ? 4 : operator.equals("GRU") ? 3 : 1;
  }

  /** One layer, with biases, an initial state and lengths. */
  private static Model network(String operator, String direction, int linearBeforeReset) {
    int directions = direction.equals("bidirectional") ? 2 : 1;
    int gates = gates(operator);
    Map<String, Attribute> attributes = new HashMap<>();
    attributes.put("hidden_size", Attribute.of((long) HIDDEN));
    attributes.put("direction", Attribute.of(direction));
    if (operator.equals("GRU")) {
      attributes.put("linear_before_reset", Attribute.of((long) linearBeforeReset));
    }
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, "steps", "batch", INPUTS)
        .output("y", DataType.FLOAT32, "steps", directions, "batch", HIDDEN)
        .output("h", DataType.FLOAT32, directions, "batch", HIDDEN)
        .random("w", directions, gates * HIDDEN, INPUTS)
        .random("r", directions, gates * HIDDEN, HIDDEN)
        .random("b", directions, 2 * gates * HIDDEN)
        .random("h0", directions, BATCH, HIDDEN)
        .weight("lengths", Tensor.of(new int[] {STEPS, 2, 4}, BATCH))
        .node(
            "",
            operator,
            List.of("x", "w", "r", "b", "lengths", "h0"),
            List.of("y", "h"),
            attributes)
        .build();
  }

  private static Map<String, Tensor> inputs(long seed) {
    Random random = new Random(seed);
    float[] values = new float[STEPS * BATCH * INPUTS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(values, STEPS, BATCH, INPUTS));
  }

  private static Model compressed(Model model, Quantize step) {
    return Compressor.on(model).apply(Recipe.of(step)).model();
  }

  private static Map<String, float[]> run(Model model, Map<String, Tensor> inputs) {
    Map<String, float[]> results = new TreeMap<>();
    try (Session session = Session.open(model)) {
      session.run(inputs).forEach((name, tensor) -> results.put(name, tensor.toFloats()));
    }
    return results;
  }

  private static List<String> encodings(Model model) {
    return Layer.of(model).stream().map(layer -> layer.weight().encoding()).toList();
  }

  private static void assertSame(
      Map<String, float[]> expected, Map<String, float[]> actual, float tolerance, String what) {
    assertEquals(expected.keySet(), actual.keySet(), what);
    expected.forEach(
        (name, values) -> assertArrayEquals(values, actual.get(name), tolerance, what + name));
  }

  private static double decibels(Map<String, float[]> exact, Map<String, float[]> approximate) {
    SignalToNoise ratio = new SignalToNoise();
    exact.forEach((name, values) -> ratio.add(values, approximate.get(name)));
    return ratio.decibels();
  }

  @ParameterizedTest
  @CsvSource({
    "LSTM, forward, 0",
    "LSTM, bidirectional, 0",
    "GRU, forward, 0",
    "GRU, bidirectional, 1",
    "RNN, reverse, 0"
  })
  void everyFormatGivesWhatOnnxRuntimeComputesFromTheExportedModel(
      String operator, String direction, int linearBeforeReset) {
    Model model = network(operator, direction, linearBeforeReset);
    Map<String, Tensor> inputs = inputs(1);
    for (Quantize format : FORMATS) {
      String what = format + ": ";
      Model compressed = compressed(model, format);
      Path onnx = folder.resolve("model.onnx");
      compressed.save(onnx);
      Path dmt = folder.resolve("model.dmt");
      compressed.save(dmt);
      Map<String, float[]> here = run(compressed, inputs);
      assertSame(OnnxRuntimeOracle.run(onnx, inputs), here, 2e-5f, what);
      assertSame(run(Model.load(dmt), inputs), here, 0, what + ".dmt ");
      Model readBack = Model.load(onnx);
      assertSame(run(readBack, inputs), here, 0, what + "read back ");
      assertEquals(encodings(compressed), encodings(Model.load(dmt)), what);
      List<LayerPlan> again = Recipe.of(format).plan(readBack).steps().get(0).layers();
      assertEquals(2, again.size(), what);
      if (format.weights().format().hasScales()) {
        again.forEach(
            layer -> assertTrue(layer.reason().startsWith("already stored as"), what + layer));
      }
    }
  }

  @Test
  void plansNameBothMatricesAndTheirBytes() {
    Model model = network("LSTM", "bidirectional", 0);
    for (Quantize format : FORMATS) {
      List<LayerPlan> plans = Recipe.of(format).plan(model).steps().get(0).layers();
      List<Report.LayerReport> reports =
          Compressor.on(model).apply(Recipe.of(format)).report().layers();
      assertEquals(
          List.of("LSTM0.input", "LSTM0.recurrence"),
          plans.stream().map(LayerPlan::layer).toList());
      for (int i = 0; i < 2; i++) {
        assertEquals(plans.get(i).encodingAfter(), reports.get(i).encodingAfter());
        assertEquals(plans.get(i).bytesAfter(), reports.get(i).bytesAfter());
        assertTrue(reports.get(i).weightSqnr() > 15, format + " " + reports.get(i).weightSqnr());
      }
    }
  }

  @Test
  void oneMatrixAloneCanBeChosen() {
    Model model = network("GRU", "forward", 0);
    Quantize step =
        Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8).in("*.recurrence");
    Model half = compressed(model, step);
    assertEquals(List.of("float32", "int8 per channel"), encodings(half));
    Model weightsOnly = compressed(model, Quantize.weights(NumberFormat.INT8).in("*.recurrence"));
    assertSame(run(weightsOnly, inputs(2)), run(half, inputs(2)), 0, "rows stay floats: ");
  }

  @Test
  void methodsForLinearLayersSayThatTheyRoundToNearest() {
    Model model = network("LSTM", "forward", 0);
    for (WeightMethod method : List.of(new Gptq(), new AdaRound())) {
      Quantize step = Quantize.weights(NumberFormat.INT8).by(method);
      String note = "rounded to nearest: " + method.description() + " is for linear layers";
      Dataset data = Dataset.of(List.of(inputs(3)));
      Report report = Compressor.on(model).calibration(data).apply(Recipe.of(step)).report();
      report.layers().forEach(layer -> assertEquals(note, layer.note()));
      report.layers().forEach(layer -> assertTrue(layer.outputSqnr() > 25, layer.toString()));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "LSTM, bidirectional, 0",
    "GRU, bidirectional, 0",
    "GRU, forward, 1",
    "RNN, forward, 0"
  })
  void quantizedActivationsStayCloseAndAreKeptInFiles(
      String operator, String direction, int linearBeforeReset) {
    Model model = network(operator, direction, linearBeforeReset);
    Map<String, Tensor> inputs = inputs(4);
    Map<String, float[]> exact = run(model, inputs);
    for (Quantize format :
        List.of(
            Quantize.weights(NumberFormat.INT8),
            Quantize.weights(NumberFormat.INT8).asymmetric(),
            Quantize.weights(NumberFormat.INT8).group(16).asymmetric())) {
      Model weightsOnly = compressed(model, format);
      Model integers = compressed(model, format.activations(NumberFormat.INT8));
      assertEquals(
          "dynamic_row",
          integers.graph().nodes().get(0).text(FusedOperators.RECURRENT_QUANTIZATION, ""));
      Map<String, float[]> here = run(integers, inputs);
      double decibels = decibels(exact, here);
      assertTrue(decibels > 28, format + ": " + decibels + " dB");
      assertTrue(decibels(run(weightsOnly, inputs), here) < 90, "rows were not quantized");
      Path dmt = folder.resolve("model.dmt");
      integers.save(dmt);
      assertSame(run(Model.load(dmt), inputs), here, 0, format + " ");
      Path onnx = folder.resolve("model.onnx");
      integers.save(onnx); // where the state cannot be quantized
      assertSame(
          OnnxRuntimeOracle.run(onnx, inputs), run(weightsOnly, inputs), 2e-5f, format + " ");
    }
  }

  @Test
  void fixedRangesAreForOtherLayersAndTheNoteSaysSo() {
    Model model = network("LSTM", "forward", 0);
    Quantize step =
        Quantize.weights(NumberFormat.INT8)
            .activations(NumberFormat.INT8)
            .calibrate(MinMax.calibration());
    Dataset data = Dataset.of(List.of(inputs(3)));
    CompressionResult result = Compressor.on(model).calibration(data).apply(Recipe.of(step));
    result
        .report()
        .layers()
        .forEach(
            layer ->
                assertEquals(
                    "rows of its input and state get their ranges as they come, not fixed ones",
                    layer.note()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"w", "r"})
  void weightsThatAreNotFiniteAreNamed(String weight) {
    Model model = network("LSTM", "forward", 0);
    float[] values = model.weights().get(weight).dequantize().toFloats();
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      values[7] = bad;
      Map<String, Weight> weights = new HashMap<>(model.weights());
      weights.put(weight, new DenseWeight(Tensor.of(values, weights.get(weight).shape())));
      Model broken = model.withWeights(weights);
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class,
              () -> compressed(broken, Quantize.weights(NumberFormat.INT8)));
      String layer = weight.equals("w") ? "LSTM0.input" : "LSTM0.recurrence";
      assertTrue(error.getMessage().contains(layer), error.getMessage());
      assertTrue(error.getMessage().contains("element 7 is " + bad), error.getMessage());
    }
  }

  @Test
  void shapesThatDoNotFitAreErrorsWithTheNodesName() {
    List<ModelBuilder> wrong = new ArrayList<>();
    wrong.add(new ModelBuilder().random("w", 1, 4 * 8, 5).random("r", 1, 4 * 8, 7));
    wrong.add(new ModelBuilder().random("w", 1, 4 * 8, 5).random("r", 1, 3 * 8, 8));
    wrong.add(new ModelBuilder().random("w", 1, 4 * 8, 6).random("r", 1, 4 * 8, 8));
    wrong.add(new ModelBuilder().random("w", 2, 4 * 8, 5).random("r", 2, 4 * 8, 8));
    wrong.add(new ModelBuilder().random("w", 1, 4 * 8, 5).random("r", 4 * 8, 8));
    for (ModelBuilder builder : wrong) {
      Model model =
          builder
              .input("x", DataType.FLOAT32, 2, 3, 5)
              .output("y", DataType.FLOAT32, 2, 1, 3, 8)
              .node("LSTM", List.of("x", "w", "r"), "y")
              .build();
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class,
              () -> run(model, Map.of("x", Tensor.of(new float[30], 2, 3, 5))));
      assertTrue(error.getMessage().contains("LSTM0"), error.getMessage());
    }
  }

  @Test
  void anAbsentInputIsAnErrorWithTheNodesName() {
    Model model =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, 2, 3, 5)
            .output("y", DataType.FLOAT32, 2, 1, 3, 8)
            .random("w", 1, 4 * 8, 5)
            .random("r", 1, 4 * 8, 8)
            .node("LSTM", List.of("", "w", "r"), "y")
            .build();
    Exception error =
        assertThrows(
            IllegalArgumentException.class,
            () -> run(model, Map.of("x", Tensor.of(new float[30], 2, 3, 5))));
    assertTrue(error.getMessage().contains("LSTM0"), error.getMessage());
  }

  /** A graph whose shapes depend on data runs node by node, with the same packed weights. */
  @Test
  void shapesThatDependOnDataChangeNothing() {
    Model plain = network("LSTM", "forward", 0);
    Model compressed =
        compressed(plain, Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8));
    Map<String, Weight> weights = compressed.weights();
    Map<String, Attribute> attributes = compressed.graph().nodes().get(0).attributes();
    Model dependent =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, STEPS, BATCH, INPUTS)
            .input("kept", DataType.FLOAT32, STEPS)
            .output("y", DataType.FLOAT32, "found", 1, BATCH, HIDDEN)
            .output("h", DataType.FLOAT32, 1, BATCH, HIDDEN)
            .weight("w", weights.get("w"))
            .weight("r", weights.get("r"))
            .weight("b", weights.get("b"))
            .weight("h0", weights.get("h0"))
            .weight("flat", Tensor.of(new long[] {-1}, 1))
            .weight("lengths", weights.get("lengths"))
            .node("NonZero", List.of("kept"), "places")
            .node("Reshape", List.of("places", "flat"), "steps")
            .node("Gather", List.of("x", "steps"), "chosen")
            .node(
                "",
                "LSTM",
                List.of("chosen", "w", "r", "b", "lengths", "h0"),
                List.of("y", "h"),
                attributes)
            .build();
    Map<String, Tensor> inputs = new HashMap<>(inputs(5));
    Map<String, float[]> expected = run(compressed, inputs);
    float[] all = new float[STEPS];
    java.util.Arrays.fill(all, 1);
    inputs.put("kept", Tensor.of(all, STEPS));
    assertSame(expected, run(dependent, inputs), 0, "");
  }
}
