package io.github.demitasse.compress;

import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.equalize.CrossLayerEqualization;
import io.github.demitasse.compress.quantize.MinMax;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.runtime.ModelBuilder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.weight.QuantizedWeight;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Networks that grow their pictures, through compression, in integers, and in other files. */
class TransposedConvolutionTest {
  private static final int HEIGHT = 9;
  private static final int WIDTH = 7;
  private static final Quantize FIXED =
      Quantize.weights(INT8).activations(INT8).calibrate(MinMax.calibration());

  @TempDir Path folder;

  /** A convolution, one that spreads by such a kernel, and one that spreads to single pixels. */
  private static Model network(int kernel, int padding, int extra) {
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, "n", 5, HEIGHT, WIDTH)
        .output("y", DataType.FLOAT32, "n", 1, "h", "w")
        .random("first", 12, 5, 3, 3)
        .random("first_bias", 12)
        .random("spread", 12, 10, kernel, kernel)
        .random("gain", 10)
        .random("shift", 10)
        .weight("variance", Tensor.of(new float[] {1, 2, 3, 1, 2, 3, 4, 1, 2, 3}, 10))
        .random("last", 10, 1, 2, 2)
        .random("last_bias", 1)
        .node(
            "",
            "Conv",
            List.of("x", "first", "first_bias"),
            List.of("a"),
            Map.of("pads", integers(1, 1, 1, 1)))
        .node("Relu", List.of("a"), "b")
        .node(
            "",
            "ConvTranspose",
            List.of("b", "spread"),
            List.of("c"),
            Map.of(
                "strides",
                integers(2, 2),
                "pads",
                integers(padding, padding, padding, padding),
                "output_padding",
                integers(extra, extra)))
        .node("BatchNormalization", List.of("c", "gain", "shift", "shift", "variance"), "d")
        .node("Relu", List.of("d"), "e")
        .node(
            "",
            "ConvTranspose",
            List.of("e", "last", "last_bias"),
            List.of("f"),
            Map.of("strides", integers(2, 2)))
        .node("Sigmoid", List.of("f"), "y")
        .build();
  }

  private static Attribute integers(long... values) {
    return Attribute.ofIntegers(Arrays.stream(values).boxed().toList());
  }

  private static Map<String, Tensor> images(int count, int seed) {
    Random random = new Random(seed);
    float[] values = new float[count * 5 * HEIGHT * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(values, count, 5, HEIGHT, WIDTH));
  }

  private static CompressionResult compress(Model model, Step... steps) {
    Dataset data = Dataset.of(List.of(images(2, 1), images(2, 2)));
    return Compressor.on(model).calibration(data).apply(Recipe.of(steps));
  }

  private static float[] run(Model model, Map<String, Tensor> images) {
    try (Session session = Session.open(model)) {
      return session.run(images).get("y").toFloats();
    }
  }

  private static double meanDifference(float[] one, float[] other) {
    assertEquals(one.length, other.length);
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += Math.abs(one[i] - other[i]);
    }
    return sum / one.length;
  }

  @ParameterizedTest
  @CsvSource({"2, 0, 0", "3, 1, 1", "4, 1, 0", "3, 0, 0", "5, 2, 1"})
  void floatsGiveTheSameInOnnxRuntime(int kernel, int padding, int extra) {
    Model model = network(kernel, padding, extra);
    Path file = folder.resolve("plain.onnx");
    model.save(file);
    float[] expected = OnnxRuntimeOracle.run(file, images(2, 3)).get("y");
    assertArrayEquals(expected, run(model, images(2, 3)), 1e-5f);
    // and with the convolutions that they have become
    Path again = folder.resolve("again.onnx");
    compress(model, new CrossLayerEqualization(Selector.ALL)).model().save(again);
    assertArrayEquals(expected, OnnxRuntimeOracle.run(again, images(2, 3)).get("y"), 1e-5f);
  }

  @ParameterizedTest
  @CsvSource({"2, 0, 0", "3, 1, 1", "4, 1, 0"})
  void integersGiveTheSameInOnnxRuntime(int kernel, int padding, int extra) {
    Model model = network(kernel, padding, extra);
    CompressionResult result = compress(model, FIXED);
    result.report().layers().forEach(layer -> assertNull(layer.note(), layer.name()));
    assertEquals(3, result.report().layers().size());
    assertTrue(
        Layer.of(result.model()).stream().allMatch(l -> l.weight() instanceof QuantizedWeight));
    Path file = folder.resolve("integer.onnx");
    result.model().save(file);
    float[] expected = OnnxRuntimeOracle.run(file, images(2, 3)).get("y");
    float[] actual = run(result.model(), images(2, 3));
    // a sum on the border between two codes may fall to either side
    assertTrue(meanDifference(expected, actual) < 2e-4);
    assertArrayEquals(actual, run(Model.load(file), images(2, 3)), 1e-6f);
    double loss = meanDifference(run(model, images(2, 3)), actual);
    assertTrue(loss < 0.01, "mean difference to floats " + loss);
  }

  @Test
  void rangesMeetThroughBlocksAndCuts() {
    Model model = network(4, 1, 0);
    CompressionResult result = compress(model, new CrossLayerEqualization(Selector.ALL));
    List<String> reasons =
        result.report().layers().stream().map(Report.LayerReport::reason).toList();
    assertEquals("what comes before it cannot take the factors", reasons.get(0));
    assertEquals(List.of("", ""), reasons.subList(1, 3));
    assertArrayEquals(run(model, images(2, 3)), run(result.model(), images(2, 3)), 1e-5f);
  }

  @Test
  void biasesOfBlocksAreCorrected() {
    Model model = network(4, 1, 0);
    Quantize coarse = FIXED.perTensor();
    double before = Math.abs(meanDifferenceSigned(model, compress(model, coarse).model()));
    double after =
        Math.abs(meanDifferenceSigned(model, compress(model, coarse.correctBias()).model()));
    assertTrue(after < before, after + " against " + before);
  }

  private static double meanDifferenceSigned(Model one, Model other) {
    double sum = 0;
    for (int seed = 1; seed <= 2; seed++) {
      float[] expected = run(one, images(2, seed));
      float[] actual = run(other, images(2, seed));
      for (int i = 0; i < expected.length; i++) {
        sum += (expected[i] - actual[i]) / expected.length;
      }
    }
    return sum;
  }
}
