package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.quantize.MinMax;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Cosine;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.format.onnx.OnnxWriter;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.QuantizedWeight;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A compressed model written as ONNX gives in ONNX Runtime what it gives here, and comes back as it
 * was.
 */
class ExportedModelTest {
  private static final Map<String, Tensor> SENTENCE =
      OnnxRuntimeOracle.tokens(101, 2023, 2003, 1037, 2204, 2742, 1997, 6251, 102);
  private static final Quantize INT8 =
      Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8);

  @TempDir static Path folder;
  private static Model model;

  @BeforeAll
  static void load() {
    model = Model.load(TestModels.resource("all-minilm-l6-v2.onnx", folder));
  }

  private static Path export(String name, Quantize step) {
    Path file = folder.resolve(name + ".onnx");
    Compressor.on(model)
        .calibration(Dataset.of(List.of(SENTENCE)))
        .apply(Recipe.of(step))
        .model()
        .save(file);
    return file;
  }

  private static Cosine againstOnnxRuntime(Path file) {
    Cosine cosine = new Cosine();
    Map<String, float[]> expected = OnnxRuntimeOracle.run(file, SENTENCE);
    try (Session session = Session.open(file)) {
      Map<String, Tensor> actual = session.run(SENTENCE);
      assertEquals(expected.keySet(), actual.keySet());
      actual.forEach((name, tensor) -> cosine.add(expected.get(name), tensor.toFloats(), 384));
    }
    return cosine;
  }

  /** One layer, where nothing can pile up: the same integers, so only float rounding is left. */
  @Test
  void oneLayerGivesTheSameIntegersInOnnxRuntime() {
    Random random = new Random(3);
    float[] weights = new float[70 * 33];
    float[] x = new float[3 * 70];
    float[] bias = new float[33];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
      x[i % x.length] = (float) random.nextGaussian();
      bias[i % bias.length] = random.nextFloat();
    }
    Model layer = TestModels.linear(new DenseWeight(Tensor.of(weights, 70, 33)), bias);
    Map<String, Tensor> input = Map.of("x", Tensor.of(x, 3, 70));
    Quantize fixed = INT8.calibrate(MinMax.calibration());
    for (Quantize step :
        List.of(
            INT8,
            fixed,
            INT8.asymmetric(),
            fixed.asymmetric(),
            fixed.perTensor(),
            fixedRows(NumberFormat.NF4),
            fixedRows(NumberFormat.CODEBOOK4))) {
      Path file = folder.resolve("layer.onnx");
      Model compressed =
          Compressor.on(layer)
              .calibration(Dataset.of(List.of(input)))
              .apply(Recipe.of(step))
              .model();
      compressed.save(file);
      float[] expected = OnnxRuntimeOracle.run(file, input).get("y");
      for (Model form : List.of(compressed, Model.load(file))) {
        try (Session session = Session.open(form)) {
          assertArrayEquals(
              expected, session.run(input).get("y").toFloats(), 2e-5f, step.toString());
        }
      }
    }
  }

  private static Quantize fixedRows(NumberFormat weights) {
    return Quantize.weights(weights).activations(NumberFormat.INT8).calibrate(MinMax.calibration());
  }

  /**
   * Through six layers, a rounding that falls to the other side moves everything after it a little.
   */
  @Test
  void staticRangesGiveTheSameInOnnxRuntime() {
    Path file = export("static", INT8.calibrate(MinMax.calibration()));
    Cosine cosine = againstOnnxRuntime(file);
    assertTrue(cosine.smallest() > 0.998, "lowest cosine " + cosine.smallest());
    assertIntegerLayers(file, "static");
  }

  @Test
  void rangesFoundPerRowGiveTheSameInOnnxRuntime() {
    Path file = export("dynamic", INT8);
    Cosine cosine = againstOnnxRuntime(file);
    assertTrue(cosine.smallest() > 0.998, "lowest cosine " + cosine.smallest());
    assertIntegerLayers(file, "dynamic_row");
  }

  @Test
  void weightsAloneGiveTheSameInOnnxRuntime() {
    for (NumberFormat format : NumberFormat.values()) {
      Path file = export("weights-" + format, Quantize.weights(format).force());
      Cosine cosine = againstOnnxRuntime(file);
      assertTrue(cosine.smallest() > 0.99999, format + ": lowest cosine " + cosine.smallest());
    }
  }

  @Test
  void asymmetricAndPerTensorWeightsGiveTheSameInOnnxRuntime() {
    for (Quantize step :
        List.of(INT8.asymmetric(), INT8.perTensor(), INT8.perTensor().asymmetric())) {
      Cosine cosine = againstOnnxRuntime(export("variant", step));
      assertTrue(cosine.smallest() > 0.99, step + ": lowest cosine " + cosine.smallest());
    }
  }

  /** Plain ONNX, and the operator that ONNX Runtime has for it. */
  @Test
  void weightsInGroupsGiveTheSameInOnnxRuntimeInBothForms() {
    Quantize int4 = Quantize.weights(NumberFormat.INT4).group(32).embeddings(NumberFormat.INT8);
    for (Quantize step : List.of(int4, int4.asymmetric(), int4.perChannel())) {
      Model compressed = Compressor.on(model).apply(Recipe.of(step)).model();
      for (OnnxWriter.GroupedWeights form : OnnxWriter.GroupedWeights.values()) {
        Path file = folder.resolve("grouped.onnx");
        OnnxWriter.write(compressed, file, OnnxWriter.Storage.AUTOMATIC, form);
        Cosine cosine = againstOnnxRuntime(file);
        assertTrue(cosine.smallest() > 0.99999, step + " " + form + ": " + cosine.smallest());
        long codes =
            Rewrites.apply(Model.load(file)).weights().values().stream()
                .filter(weight -> weight instanceof QuantizedWeight)
                .filter(weight -> ((QuantizedWeight) weight).codes().type().bits() == 4)
                .count();
        assertEquals(25, codes, step + " " + form + ": layers in 4 bits that come back");
      }
    }
  }

  @Test
  void codebooksGiveTheSameInOnnxRuntimeAndComeBack() {
    Quantize levels = Quantize.weights(NumberFormat.NF4);
    for (Quantize step :
        List.of(
            levels.group(64),
            levels.perTensor().embeddings(NumberFormat.INT8),
            Quantize.weights(NumberFormat.CODEBOOK4).group(32).embeddings(NumberFormat.NF4))) {
      Model compressed = Compressor.on(model).apply(Recipe.of(step)).model();
      Path file = folder.resolve("codebook.onnx");
      for (OnnxWriter.GroupedWeights form : OnnxWriter.GroupedWeights.values()) {
        OnnxWriter.write(compressed, file, OnnxWriter.Storage.AUTOMATIC, form);
        Cosine cosine = againstOnnxRuntime(file);
        assertTrue(cosine.smallest() > 0.99999, step + ": lowest cosine " + cosine.smallest());
      }
      assertEquals(encodings(compressed), encodings(Rewrites.apply(Model.load(file))));
    }
  }

  private static List<String> encodings(Model any) {
    return any.weights().values().stream()
        .filter(CodebookWeight.class::isInstance)
        .map(weight -> Arrays.toString(weight.shape()) + " " + weight.encoding())
        .sorted()
        .toList();
  }

  /** There, activations are quantized in blocks; here, in rows. */
  @Test
  void matMulNBitsWithIntegerActivationsIsCloseInOnnxRuntime() {
    Quantize step = Quantize.weights(NumberFormat.INT4).group(32).activations(NumberFormat.INT8);
    Path file = folder.resolve("integer.onnx");
    OnnxWriter.write(
        Compressor.on(model).apply(Recipe.of(step)).model(),
        file,
        OnnxWriter.Storage.AUTOMATIC,
        OnnxWriter.GroupedWeights.MATMUL_NBITS);
    Cosine cosine = againstOnnxRuntime(file);
    assertTrue(cosine.smallest() > 0.995, "lowest cosine " + cosine.smallest());
    assertIntegerLayers(file, "dynamic_row");
  }

  /** What was written is recognised again: every linear layer computes in integers. */
  private static void assertIntegerLayers(Path file, String mode) {
    Model read = Rewrites.apply(Model.load(file));
    Map<String, Node> producers = read.graph().producers();
    long layers =
        read.graph().nodes().stream()
            .filter(node -> node.is(Domains.DEMITASSE, FusedOperators.LINEAR))
            .filter(node -> read.weights().get(node.input(1)) instanceof QuantizedWeight)
            .filter(
                node -> {
                  var quantize = producers.get(node.input(0));
                  return quantize != null
                      && quantize.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE)
                      && quantize.text("mode", "").equals(mode);
                })
            .count();
    assertEquals(25, layers, "integer linear layers in " + file.getFileName());
  }
}
