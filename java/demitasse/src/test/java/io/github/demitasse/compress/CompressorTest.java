package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.quantize.Entropy;
import io.github.demitasse.compress.quantize.MeanSquaredError;
import io.github.demitasse.compress.quantize.MinMax;
import io.github.demitasse.compress.quantize.MovingAverage;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Quantization of all-MiniLM-L6-v2, whose weights are real; its inputs here are ordinary word
 * pieces.
 */
class CompressorTest {
  private static final Quantize INT8 =
      Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8);

  @TempDir static Path folder;
  private static Model model;
  private static Dataset data;

  @BeforeAll
  static void load() {
    model = Model.load(TestModels.resource("all-minilm-l6-v2.onnx", folder));
    Random random = new Random(1);
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (int length : new int[] {5, 9, 17, 30}) {
      long[] ids = random.longs(length, 1000, 20_000).toArray();
      ids[0] = 101;
      ids[length - 1] = 102;
      samples.add(sample(ids));
    }
    data = Dataset.of(samples);
  }

  private static Map<String, Tensor> sample(long[] ids) {
    long[] mask = new long[ids.length];
    Arrays.fill(mask, 1);
    return Map.of(
        "input_ids", Tensor.of(ids, 1, ids.length),
        "attention_mask", Tensor.of(mask, 1, ids.length),
        "token_type_ids", Tensor.of(new long[ids.length], 1, ids.length));
  }

  @Test
  void theFileIsAQuarterAndAsLargeAsPlanned() throws IOException {
    Recipe recipe = Recipe.of(INT8);
    Plan.StepPlan plan = recipe.plan(model).steps().get(0);
    CompressionResult result = Compressor.on(model).apply(recipe);
    Path file = folder.resolve("int8.dmt");
    result.model().save(file);
    long before = Files.size(folder.resolve("all-minilm-l6-v2.onnx"));
    assertTrue(before > 3.9 * Files.size(file), Files.size(file) + " bytes");
    long planned = plan.layers().stream().mapToLong(LayerPlan::bytesAfter).sum();
    long stored = result.report().layers().stream().mapToLong(Report.LayerReport::bytesAfter).sum();
    assertEquals(planned, stored);
    assertEquals(40, result.report().layers().size());
    for (Report.LayerReport layer : result.report().layers()) {
      assertEquals("", layer.reason(), layer.name());
      assertTrue(layer.weightSqnr() > 25, layer.toString());
      assertNull(layer.outputSqnr(), "no output figure without data");
    }
  }

  @Test
  void dynamicInt8KeepsTheOutputs() {
    Report report = Compressor.on(model).calibration(data).apply(Recipe.of(INT8)).report();
    assertTrue(report.fidelity().cosineMean() > 0.995, report.fidelity().toString());
    for (Report.LayerReport layer : report.layers()) {
      assertNotNull(layer.outputSqnr(), layer.name());
      assertTrue(layer.outputSqnr() > 10, layer.toString());
    }
  }

  @Test
  void everyCalibrationMethodKeepsTheOutputs() {
    for (var method :
        List.of(
            MinMax.calibration(),
            MovingAverage.of(0.9),
            Percentile.of(99.99),
            Entropy.calibration(),
            MeanSquaredError.calibration())) {
      Report report =
          Compressor.on(model).calibration(data).apply(Recipe.of(INT8.calibrate(method))).report();
      // Entropy cuts off the few large activations that transformers live by: it is for other
      // networks.
      assertTrue(
          report.fidelity().cosineMean() > (method.description().equals("entropy") ? 0.8 : 0.95),
          method.description() + ": " + report.fidelity());
    }
  }

  @Test
  void halfPrecisionLosesNextToNothing() {
    for (NumberFormat format : List.of(NumberFormat.FLOAT16, NumberFormat.BFLOAT16)) {
      Report report =
          Compressor.on(model)
              .calibration(data)
              .apply(Recipe.of(Quantize.weights(format)))
              .report();
      double floor = format == NumberFormat.FLOAT16 ? 0.999999 : 0.9999;
      assertTrue(report.fidelity().cosineMean() > floor, format + ": " + report.fidelity());
    }
  }

  @Test
  void perTensorAndAsymmetricWork() {
    for (Quantize step :
        List.of(INT8.perTensor(), INT8.asymmetric(), INT8.perTensor().asymmetric())) {
      Report report = Compressor.on(model).calibration(data).apply(Recipe.of(step)).report();
      assertTrue(report.fidelity().cosineMean() > 0.95, step + ": " + report.fidelity());
    }
  }

  @Test
  void onlyChosenLayersChange() {
    Quantize step = INT8.in(Selector.of("encoder.layer.0.*").except("*.attention.*"));
    CompressionResult result = Compressor.on(model).apply(Recipe.of(step));
    assertEquals(
        List.of("encoder.layer.0.intermediate.dense", "encoder.layer.0.output.dense"),
        result.report().layers().stream().map(Report.LayerReport::name).toList());
  }

  @Test
  void compressingTwiceSaysWhyNothingIsLeftToDo() {
    Model once = Compressor.on(model).apply(Recipe.of(INT8)).model();
    Report twice = Compressor.on(once).apply(Recipe.of(INT8)).report();
    for (Report.LayerReport layer : twice.layers()) {
      assertTrue(layer.reason().contains("already stored as int8"), layer.toString());
    }
  }

  @Test
  void aPatternThatMatchesNothingIsNamedWithTheLayersThereAre() {
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> Recipe.of(INT8.in("decoder.*")).plan(model))
            .getMessage();
    assertTrue(message.contains("decoder.*"), message);
    assertTrue(message.contains("encoder.layer.0.intermediate.dense"), message);
  }

  @Test
  void staticRangesNeedData() {
    Recipe recipe = Recipe.of(INT8.calibrate(MinMax.calibration()));
    assertTrue(recipe.plan(model).needsCalibration());
    assertThrows(IllegalArgumentException.class, () -> Compressor.on(model).apply(recipe));
    assertThrows(
        IllegalArgumentException.class,
        () -> Compressor.on(model).calibration(Dataset.of(List.of())).apply(recipe));
  }

  @Test
  void wordsOutsideTheVocabularyInCalibrationDataAreAnError() {
    Dataset broken = Dataset.of(List.of(sample(new long[] {101, 40_000, 102})));
    Recipe recipe = Recipe.of(INT8.calibrate(MinMax.calibration()));
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> Compressor.on(model).calibration(broken).apply(recipe))
            .getMessage();
    assertTrue(message.contains("40000"), message);
  }
}
