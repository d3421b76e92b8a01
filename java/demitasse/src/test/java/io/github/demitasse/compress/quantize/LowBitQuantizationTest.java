package io.github.demitasse.compress.quantize;

import static io.github.demitasse.compress.quantize.NumberFormat.CODEBOOK4;
import static io.github.demitasse.compress.quantize.NumberFormat.FLOAT16;
import static io.github.demitasse.compress.quantize.NumberFormat.INT4;
import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static io.github.demitasse.compress.quantize.NumberFormat.NF4;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.CompressionResult;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Report;
import io.github.demitasse.compress.Sentences;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LowBitQuantizationTest {
  private static final String LAYER = "encoder.layer.2.intermediate.dense";
  private static final Quantize GROUPED = Quantize.weights(INT4).group(32);

  @TempDir static Path folder;
  private static Model model;
  private static Dataset data;

  @BeforeAll
  static void load() {
    model = Model.load(TestModels.resource("all-minilm-l6-v2.onnx", folder));
    data = Sentences.of(24, 25, 1);
  }

  private static CompressionResult compress(Quantize... steps) {
    return Compressor.on(model).calibration(data).apply(Recipe.of(steps));
  }

  private static Report.LayerReport layer(CompressionResult result, String name) {
    return result.report().layers().stream()
        .filter(layer -> layer.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void dataHelpsTheOutputsOfRealLayers() {
    Quantize one = GROUPED.in(LAYER);
    double nearest = layer(compress(one), LAYER).outputSqnr();
    double clipped =
        layer(compress(one.by(new RoundToNearest(SmallestError.INSTANCE))), LAYER).outputSqnr();
    double gptq = layer(compress(one.by(new Gptq())), LAYER).outputSqnr();
    double learned =
        layer(compress(one.by(new AdaRound(SmallestError.INSTANCE, 100, true))), LAYER)
            .outputSqnr();
    String all = nearest + ", " + clipped + ", " + gptq + ", " + learned;
    assertTrue(clipped > nearest, all);
    assertTrue(gptq > clipped + 1, all);
    assertTrue(learned > clipped + 0.5, all);
  }

  @Test
  void theDampingOfGptqIsReported() {
    Report.LayerReport report = layer(compress(GROUPED.in(LAYER).by(new Gptq())), LAYER);
    assertEquals("gptq: damping 0.01", report.note());
    assertNotNull(report.weightSqnr());
  }

  @Test
  void layersInSequenceAndInParallelBothWork() {
    Quantize two = GROUPED.in("encoder.layer.0.*").withoutEmbeddings();
    for (boolean sequential : new boolean[] {true, false}) {
      CompressionResult result =
          compress(two.by(new Gptq(SmallestError.INSTANCE, true, 0.05, sequential)));
      assertTrue(
          result.report().fidelity().cosineMean() > 0.99, result.report().fidelity().toString());
    }
  }

  @Test
  void biasCorrectionHelpsLinearLayers() {
    Quantize coarse = Quantize.weights(INT4).perTensor().in(LAYER);
    double plain = layer(compress(coarse), LAYER).outputSqnr();
    double corrected = layer(compress(coarse.correctBias()), LAYER).outputSqnr();
    assertTrue(corrected > plain, corrected + " against " + plain);
  }

  @Test
  void everyLayerMayHaveItsOwnFormat() {
    CompressionResult result =
        compress(
            GROUPED.in("encoder.*.intermediate.*"),
            Quantize.weights(FLOAT16).in("encoder.*.attention.*"),
            Quantize.weights(INT8));
    assertEquals("int4 group 32", layer(result, LAYER).encodingAfter());
    assertEquals("float16", layer(result, "encoder.layer.2.attention.self.query").encodingAfter());
    assertEquals("int8 per channel", layer(result, "encoder.layer.2.output.dense").encodingAfter());
    for (Report.LayerReport report : result.report().layers()) {
      assertEquals("", report.reason(), report.name());
    }
  }

  @Test
  void sizesArePlannedToTheByte() {
    for (Quantize step :
        List.of(
            GROUPED,
            GROUPED.asymmetric(),
            Quantize.weights(INT4),
            Quantize.weights(INT8).group(64),
            GROUPED.embeddings(INT8),
            GROUPED.embeddings(INT4),
            Quantize.weights(NF4).group(64),
            Quantize.weights(NF4),
            Quantize.weights(CODEBOOK4).group(32),
            Quantize.weights(NF4).activations(INT8))) {
      Recipe recipe = Recipe.of(step.in("*intermediate*", "*word_embeddings*"));
      Plan.StepPlan plan = recipe.plan(model).steps().get(0);
      List<Report.LayerReport> done = Compressor.on(model).apply(recipe).report().layers();
      for (int i = 0; i < done.size(); i++) {
        assertEquals(plan.layers().get(i).bytesAfter(), done.get(i).bytesAfter(), step.toString());
        assertEquals(
            plan.layers().get(i).encodingAfter(), done.get(i).encodingAfter(), step.toString());
      }
    }
  }

  @Test
  void groupsThatDoNotDivideNameTheLayerAndItsShape() {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> Recipe.of(Quantize.weights(INT4).group(80).in(LAYER)).plan(model))
            .getMessage();
    assertTrue(message.contains(LAYER) && message.contains("[384, 1536]"), message);
    assertTrue(message.contains("choose one of 16, 32, 48, 64, 96, 128, 192, or"), message);
  }

  @Test
  void tooLittleDataNamesTheLayerAndWhatIsNeeded() {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    Compressor.on(model)
                        .calibration(Sentences.of(2, 8, 1))
                        .apply(Recipe.of(GROUPED.in(LAYER).by(new Gptq()))))
            .getMessage();
    assertTrue(message.contains(LAYER) && message.contains("96 rows"), message);
  }

  @Test
  void weightsThatAreNotFiniteNameTheLayer() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      float[] values = Matrices.weights(32 * 4, 1);
      values[77] = bad;
      Model broken = TestModels.linear(new DenseWeight(Tensor.of(values, 32, 4)), new float[4]);
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> Compressor.on(broken).apply(Recipe.of(GROUPED)))
              .getMessage();
      assertTrue(message.contains("[32, 4]") && message.contains("77"), message);
    }
  }

  @Test
  void aWeightThatTwoLayersShareIsQuantizedForBoth() {
    Model shared = twoUsers(new DenseWeight(Tensor.of(Matrices.weights(32 * 32, 2), 32, 32)));
    Dataset inputs =
        Dataset.of(List.of(Map.of("x", Tensor.of(Matrices.inputs(200, 32, 3), 200, 32))));
    for (boolean sequential : new boolean[] {true, false}) {
      CompressionResult result =
          Compressor.on(shared)
              .calibration(inputs)
              .apply(Recipe.of(GROUPED.by(new Gptq(WholeRange.INSTANCE, true, 0.01, sequential))));
      assertEquals(2, result.report().layers().size());
      assertTrue(result.report().fidelity().cosineMean() > 0.97, result.report().toString());
    }
    Report left = Compressor.on(shared).apply(Recipe.of(GROUPED.in("first"))).report();
    assertTrue(left.layers().get(0).reason().contains("second"), left.toString());
  }

  private static Model twoUsers(Weight weight) {
    Graph graph =
        new Graph(
            "shared",
            Map.of("", 17),
            List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(200, 32))),
            List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(200, 32))),
            List.of(
                Node.of("first", "MatMul", List.of("x", "w"), List.of("h")),
                Node.of("second", "MatMul", List.of("h", "w"), List.of("y"))),
            Map.of());
    return new Model(graph, Map.of("w", weight), Map.of());
  }

  @Test
  void signsOfNetworksThatWereNotTrainedForThemAreRefusedUnlessForced() {
    Quantize binary = Quantize.weights(NumberFormat.BINARY).in(LAYER);
    String message =
        assertThrows(IllegalArgumentException.class, () -> Recipe.of(binary).plan(model))
            .getMessage();
    assertTrue(
        message.contains(LAYER) && message.contains("force") && message.contains("% of its energy"),
        message);
    Report.LayerReport forced = layer(compress(binary.force()), LAYER);
    assertEquals("binary per channel", forced.encodingAfter());
    assertEquals(384 * 1536 / 8 + 4 * 1536, forced.bytesAfter());
  }

  @Test
  void weightsThatAreSignsAlreadyStayWhatTheyAre() {
    float[] signs = Matrices.weights(64 * 7, 21);
    for (int i = 0; i < signs.length; i++) {
      signs[i] = Math.copySign(0.5f + i % 7, signs[i]);
    }
    Model trained = TestModels.linear(new DenseWeight(Tensor.of(signs, 64, 7)), new float[7]);
    Dataset inputs = Dataset.of(List.of(Map.of("x", Tensor.of(Matrices.inputs(3, 64, 22), 3, 64))));
    CompressionResult result =
        Compressor.on(trained)
            .calibration(inputs)
            .apply(Recipe.of(Quantize.weights(NumberFormat.BINARY)));
    assertTrue(result.report().fidelity().cosineMin() > 0.999999, result.report().toString());
  }

  /** Sums of products of codes, read off the outputs of the simulated and the integer model. */
  @Test
  void simulatedAndIntegerExecutionGiveTheSameIntegers() {
    for (Quantize step :
        List.of(
            Quantize.weights(INT8),
            Quantize.weights(INT8).asymmetric(),
            Quantize.weights(INT4),
            Quantize.weights(INT4).asymmetric(),
            Quantize.weights(NF4),
            Quantize.weights(CODEBOOK4))) {
      int k = 48;
      int n = 9;
      Model exact =
          TestModels.linear(
              new DenseWeight(Tensor.of(Matrices.weights(k * n, 5), k, n)), new float[n]);
      Map<String, Tensor> input = Map.of("x", Tensor.of(Matrices.inputs(3, k, 6), 3, k));
      Model integer =
          Compressor.on(exact)
              .calibration(Dataset.of(List.of(input)))
              .apply(Recipe.of(step.activations(INT8).calibrate(MinMax.calibration())))
              .model();
      Map<String, Weight> floats = new HashMap<>();
      integer.weights().forEach((name, w) -> floats.put(name, new DenseWeight(w.dequantize())));
      float[] real = run(integer, input);
      float[] simulated = run(integer.withWeights(floats), input);
      float inputStep = Matrices.inputStep(integer);
      float[] steps = Matrices.weightSteps(integer);
      for (int i = 0; i < real.length; i++) {
        double unit = (double) inputStep * steps[i % n];
        assertEquals(Math.rint(real[i] / unit), real[i] / unit, 0.02, step + ": an integer");
        assertEquals(Math.rint(real[i] / unit), Math.rint(simulated[i] / unit), step.toString());
      }
    }
  }

  private static float[] run(Model model, Map<String, Tensor> input) {
    try (Session session = Session.open(model);
        Tensor y = session.run(input).get("y")) {
      return y.toFloats();
    }
  }
}
