package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.equalize.CrossLayerEqualization;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.evaluate.SignalToNoise;
import io.github.demitasse.format.onnx.OnnxWriter;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.ModelBuilder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OcrModels;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.QuantizedWeight;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Convolutional networks, equalized, quantized and with corrected biases, written as ONNX with
 * QuantizeLinear and DequantizeLinear, give in ONNX Runtime what they give here.
 */
class ExportedConvolutionsTest {
  private static final Recipe RECIPE =
      Recipe.of(
          new CrossLayerEqualization(Selector.ALL),
          Quantize.weights(NumberFormat.INT8)
              .activations(NumberFormat.INT8)
              .calibrate(Percentile.of(99.99))
              .correctBias());

  @TempDir Path folder;

  private static Map<String, Attribute> window(long group) {
    return Map.of(
        "group", Attribute.of(group),
        "pads", Attribute.ofIntegers(List.of(1L, 1L, 1L, 1L)));
  }

  /** Here and there, relative to ONNX Runtime's output, in decibels. */
  private double agreement(Model model, Map<String, Tensor> inputs, Recipe recipe) {
    Model compressed =
        Compressor.on(model).calibration(Dataset.of(List.of(inputs))).apply(recipe).model();
    Path file = folder.resolve("model.qdq.onnx");
    compressed.save(file);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(file, inputs);
    SignalToNoise ratio = new SignalToNoise();
    for (Model form : List.of(compressed, Model.load(file))) {
      assertEquals(codedWeights(compressed), codedWeights(form), "weights that come back");
      try (Session session = Session.open(form)) {
        session
            .run(inputs)
            .forEach((name, tensor) -> ratio.add(expected.get(name), tensor.toFloats()));
      }
    }
    return ratio.decibels();
  }

  private static long codedWeights(Model model) {
    return Rewrites.apply(model).weights().values().stream()
        .filter(weight -> weight instanceof QuantizedWeight || weight instanceof CodebookWeight)
        .count();
  }

  /** So few layers that no code falls to the other side. */
  @Test
  void aChainOfAllKindsOfConvolutionsGivesTheSame() {
    double decibels = agreement(chain(), chainInputs(), RECIPE);
    assertTrue(decibels > 100, decibels + " dB");
  }

  /** Weights alone, and with static activations. */
  @ParameterizedTest
  @EnumSource(
      value = NumberFormat.class,
      names = {"BINARY"},
      mode = EnumSource.Mode.EXCLUDE)
  void everyFormatOfWeightsGivesTheSame(NumberFormat format) {
    Quantize weights = Quantize.weights(format);
    double decibels = agreement(chain(), chainInputs(), Recipe.of(weights));
    assertTrue(decibels > 100, decibels + " dB");
    // Kernels of integers take the levels of codebooks as integers, what is exported as well.
    if (format.hasScales()) {
      Quantize integers = weights.activations(NumberFormat.INT8).calibrate(Percentile.of(99.99));
      double fixed = agreement(chain(), chainInputs(), Recipe.of(integers));
      assertTrue(fixed > 100, fixed + " dB");
    }
  }

  private static Model chain() {
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, 1, 3, 9, 11)
        .output("y", DataType.FLOAT32, 1, 12, 9, 11)
        .random("first", 8, 3, 3, 3)
        .random("first_bias", 8)
        .random("depthwise", 8, 1, 3, 3)
        .random("grouped", 6, 4, 3, 3)
        .random("multiplied", 12, 1, 3, 3)
        .node("", "Conv", List.of("x", "first", "first_bias"), List.of("a"), window(1))
        .node("Relu", List.of("a"), "ar")
        .node("", "Conv", List.of("ar", "depthwise"), List.of("b"), window(8))
        .node("Relu", List.of("b"), "br")
        .node("", "Conv", List.of("br", "grouped"), List.of("c"), window(2))
        .node("Relu", List.of("c"), "cr")
        .node("", "Conv", List.of("cr", "multiplied"), List.of("y"), window(6))
        .build();
  }

  private static Map<String, Tensor> chainInputs() {
    Random random = new Random(2);
    float[] values = new float[3 * 9 * 11];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(values, 1, 3, 9, 11));
  }

  /**
   * Sums in another order let a code fall to the other side now and then, and through tens of
   * layers that moves the result by whole decibels, with plain quantization too. What must hold:
   * the first quantized value that differs at all does so by one code, in very few places. An error
   * in a written weight, scale or bias would show in many.
   */
  @ParameterizedTest
  @CsvSource({
    OcrModels.DIRECTION + ", 48, 192",
    OcrModels.RECOGNITION + ", 48, 320",
    OcrModels.DETECTION + ", 320, 320"
  })
  void codesOfRealModelsAreTheSameUntilOneFallsToTheOtherSide(String name, int height, int width) {
    Model model = Model.load(OcrModels.file(name));
    Map<String, Tensor> inputs =
        Map.of(model.graph().inputs().get(0).name(), OcrModels.images(2, height, width));
    Model compressed =
        Compressor.on(model).calibration(Dataset.of(List.of(inputs))).apply(RECIPE).model();
    Path file = folder.resolve("model.qdq.onnx");
    compressed.save(file);
    Model loaded = Model.load(file);
    assertEquals(codedWeights(compressed), codedWeights(loaded), "weights that come back");
    String output = model.graph().outputs().get(0).name();
    assertArrayEquals(run(compressed, inputs).get(output), run(loaded, inputs).get(output), 1e-5f);

    Map<String, Double> steps = quantizedValues(loaded);
    assertTrue(steps.size() > 20, steps.size() + " quantized values");
    Model open = ActivationPass.exposing(loaded, steps.keySet());
    Path exposed = folder.resolve("exposed.onnx");
    OnnxWriter.write(typed(open), exposed);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(exposed, inputs);
    Map<String, float[]> actual = run(open, inputs);
    for (String value : steps.keySet()) {
      if (differs(value, expected.get(value), actual.get(value), steps.get(value))) {
        return;
      }
    }
  }

  private static Map<String, float[]> run(Model model, Map<String, Tensor> inputs) {
    Map<String, float[]> outputs = new LinkedHashMap<>();
    try (Session session = Session.open(model)) {
      session.run(inputs).forEach((value, tensor) -> outputs.put(value, tensor.toFloats()));
    }
    return outputs;
  }

  /** Each value that is quantized while the model runs, with the size of one code, in order. */
  private static Map<String, Double> quantizedValues(Model model) {
    Map<String, Double> steps = new LinkedHashMap<>();
    for (Node node : model.graph().nodes()) {
      if (node.is("DequantizeLinear") && !model.weights().containsKey(node.input(0))) {
        try (Tensor scale = model.weights().get(node.input(1)).dequantize()) {
          steps.put(node.output(0), (double) scale.toFloats()[0]);
        }
      }
    }
    return steps;
  }

  private static Model typed(Model model) {
    Graph graph = model.graph();
    List<ValueInfo> outputs =
        graph.outputs().stream()
            .map(value -> new ValueInfo(value.name(), DataType.FLOAT32, value.shape()))
            .toList();
    return model.withGraph(
        new Graph(
            graph.name(), graph.opsets(), graph.inputs(), outputs, graph.nodes(), graph.values()));
  }

  /** True where codes differ; an error where they do so by more than one, or in many places. */
  private static boolean differs(String value, float[] expected, float[] actual, double step) {
    assertEquals(expected.length, actual.length, value);
    int other = 0;
    for (int i = 0; i < expected.length; i++) {
      double codes = Math.abs(expected[i] - actual[i]) / step;
      assertTrue(codes < 1.01, value + "[" + i + "] is " + codes + " codes away");
      other += codes > 0.5 ? 1 : 0;
    }
    assertTrue(other <= Math.max(1, expected.length / 1000), other + " codes of " + value);
    return other > 0;
  }
}
