package io.github.demitasse.compress.equalize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.CompressionResult;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Report;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.ModelBuilder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OcrModels;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConvolutionEqualizationTest {
  private static final CrossLayerEqualization STEP = new CrossLayerEqualization(Selector.ALL);
  private static final int HEIGHT = 8;
  private static final int WIDTH = 12;

  /** A kernel whose output channels differ by factors up to a thousand. */
  private static Tensor kernel(int seed, long... shape) {
    Random random = new Random(seed);
    int perOutput = (int) (shape[1] * shape[2] * shape[3]);
    float[] values = new float[(int) shape[0] * perOutput];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * Math.pow(10, i / perOutput % 4 - 2));
    }
    return Tensor.of(values, shape);
  }

  private static ModelBuilder builder() {
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, 2, 4, HEIGHT, WIDTH)
        .output("y", DataType.FLOAT32, 2, 6, "h", "w");
  }

  private static Map<String, Attribute> window(long group, long padding) {
    return Map.of(
        "group", Attribute.of(group),
        "pads", Attribute.ofIntegers(List.of(padding, padding, padding, padding)));
  }

  /** Two convolutions with one operator between. */
  private static Model around(String operator, int group, Map<String, Attribute> attributes) {
    return builder()
        .weight("first", kernel(1, 8, 4, 3, 3))
        .random("first_bias", 8)
        .weight("second", kernel(2, 6, 8 / group, 3, 3))
        .weight("slope", Tensor.of(new float[] {0.1f, 0.2f, 0.3f, 0, 1, -1, 2, 0.5f}, 8, 1, 1))
        .weight("none", Tensor.of(new float[0], 0))
        .weight("scales", Tensor.of(new float[] {1, 1, 2, 2}, 4))
        .weight("pads", Tensor.of(new long[] {0, 0, 1, 2, 0, 0, 0, 1}, 8))
        .node("", "Conv", List.of("x", "first", "first_bias"), List.of("a"), window(1, 1))
        .node("", operator, inputs(operator), List.of("b"), attributes)
        .node("", "Conv", List.of("b", "second"), List.of("y"), window(group, 1))
        .build();
  }

  private static List<String> inputs(String operator) {
    return switch (operator) {
      case "PRelu" -> List.of("a", "slope");
      case "Resize" -> List.of("a", "none", "scales");
      case "Pad" -> List.of("a", "pads");
      default -> List.of("a");
    };
  }

  private static CompressionResult apply(Model model) {
    return Compressor.on(model).apply(Recipe.of(STEP));
  }

  private static Map<String, Tensor> image() {
    Random random = new Random(9);
    float[] values = new float[2 * 4 * HEIGHT * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(values, 2, 4, HEIGHT, WIDTH));
  }

  /** The largest difference of the first output, relative to its largest value. */
  private static double difference(Model one, Model other, Map<String, Tensor> inputs) {
    float[] expected;
    float[] actual;
    try (Session session = Session.open(one)) {
      expected = session.run(inputs).values().iterator().next().toFloats();
    }
    try (Session session = Session.open(other)) {
      actual = session.run(inputs).values().iterator().next().toFloats();
    }
    assertEquals(expected.length, actual.length);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(expected[i] - actual[i]));
    }
    return difference / largest;
  }

  private static float[] ranges(Layer layer, boolean ofOutputs) {
    Channels channels = Channels.of(layer.node(), layer.weight().shape());
    float[] largest = new float[ofOutputs ? channels.outputs() : channels.inputs()];
    float[] values = layer.weight().dequantize().toFloats();
    if (ofOutputs) {
      channels.rangesOfOutputs(values, largest);
    } else {
      channels.rangesOfInputs(values, largest);
    }
    return largest;
  }

  private static void assertEqualRanges(Layer before, Layer after) {
    float[] outputs = ranges(before, true);
    float[] inputs = ranges(after, false);
    assertEquals(outputs.length, inputs.length);
    for (int c = 0; c < outputs.length; c++) {
      assertEquals(outputs[c], inputs[c], 3e-3 * outputs[c], "channel " + c);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "Relu, 1",
    "Relu, 2",
    "LeakyRelu, 1",
    "PRelu, 2",
    "Identity, 1",
    "MaxPool, 1",
    "AveragePool, 2",
    "GlobalAveragePool, 1",
    "Resize, 1",
    "Pad, 1"
  })
  void rangesAreEqualOnBothSidesAndOutputsStay(String operator, int group) {
    Map<String, Attribute> attributes =
        operator.endsWith("Pool") && !operator.startsWith("Global")
            ? Map.of("kernel_shape", Attribute.ofIntegers(List.of(2L, 2L)))
            : Map.of();
    Model model = around(operator, group, attributes);
    Model equalized = apply(model).model();
    List<Layer> layers = Layer.of(equalized);
    assertEqualRanges(layers.get(0), layers.get(1));
    double difference = difference(model, equalized, image());
    assertTrue(difference < 1e-5, "difference " + difference);
  }

  @ParameterizedTest
  @ValueSource(strings = {"HardSwish", "Sigmoid", "Tanh", "Elu"})
  void functionsThatLetNoFactorPassAreLeftAlone(String operator) {
    Report report = apply(around(operator, 1, Map.of())).report();
    for (Report.LayerReport layer : report.layers()) {
      assertEquals("what comes before it cannot take the factors", layer.reason());
    }
  }

  /** The geometric mean of three ranges in each channel. */
  @Test
  void threeLayersWithADepthwiseOneInTheMiddleShareTheirRange() {
    Model model =
        builder()
            .weight("expand", kernel(1, 16, 4, 1, 1))
            .random("expand_bias", 16)
            .weight("depthwise", kernel(2, 16, 1, 3, 3))
            .weight("project", kernel(3, 6, 16, 1, 1))
            .node("", "Conv", List.of("x", "expand", "expand_bias"), List.of("a"), window(1, 0))
            .node("Relu", List.of("a"), "ar")
            .node("", "Conv", List.of("ar", "depthwise"), List.of("b"), window(16, 1))
            .node("Relu", List.of("b"), "br")
            .node("", "Conv", List.of("br", "project"), List.of("y"), window(1, 0))
            .build();
    List<Layer> before = Layer.of(Rewrites.apply(model));
    Model equalized = apply(model).model();
    List<Layer> after = Layer.of(equalized);
    for (int c = 0; c < 16; c++) {
      double product =
          (double) ranges(before.get(0), true)[c]
              * ranges(before.get(1), true)[c]
              * ranges(before.get(2), false)[c];
      double mean = Math.cbrt(product);
      assertEquals(mean, ranges(after.get(0), true)[c], 1e-2 * mean, "expansion");
      assertEquals(mean, ranges(after.get(1), true)[c], 1e-2 * mean, "depthwise");
      assertEquals(mean, ranges(after.get(2), false)[c], 1e-2 * mean, "projection");
    }
    assertTrue(difference(model, equalized, image()) < 1e-5);
  }

  @Test
  void pairsAreSaidInThePlanAndInTheReport() {
    Model model = around("Relu", 1, Map.of());
    Plan plan = Recipe.of(STEP).plan(Rewrites.apply(model));
    List<LayerPlan> planned = plan.steps().get(0).layers();
    assertTrue(planned.get(0).skipped());
    assertNull(planned.get(0).note());
    assertEquals("equalized with '" + planned.get(0).layer() + "'", planned.get(1).note());
    List<Report.LayerReport> done = apply(model).report().layers();
    assertNull(done.get(0).note());
    assertEquals(planned.get(1).note(), done.get(1).note());
  }

  /** Somebody else would see the division: an addition, an output, the layer's own residual. */
  @Test
  void valuesWithOtherReadersAreLeftAlone() {
    ModelBuilder common =
        builder()
            .weight("first", kernel(1, 6, 4, 3, 3))
            .weight("second", kernel(2, 6, 6, 3, 3))
            .node("", "Conv", List.of("x", "first"), List.of("a"), window(1, 1))
            .node("Relu", List.of("a"), "r")
            .node("", "Conv", List.of("r", "second"), List.of("b"), window(1, 1))
            .node("Add", List.of("b", "r"), "y");
    Model model = common.build();
    Model withOutput = common.output("r", DataType.FLOAT32, 2, 6, HEIGHT, WIDTH).build();
    for (Model each : List.of(model, withOutput)) {
      CompressionResult result = apply(each);
      result.report().layers().forEach(layer -> assertTrue(!layer.reason().isEmpty()));
      assertEquals(0, difference(each, result.model(), image()));
    }
  }

  @Test
  void aWeightOfTwoConvolutionsIsLeftAlone() {
    Model model =
        builder()
            .weight("w", kernel(1, 4, 4, 3, 3))
            .weight("last", kernel(2, 6, 4, 3, 3))
            .node("", "Conv", List.of("x", "w"), List.of("a"), window(1, 1))
            .node("Relu", List.of("a"), "r")
            .node("", "Conv", List.of("r", "w"), List.of("b"), window(1, 1))
            .node("", "Conv", List.of("b", "last"), List.of("y"), window(1, 1))
            .build();
    List<Report.LayerReport> layers = apply(model).report().layers();
    assertTrue(layers.get(1).reason().contains("its weight is also used by"), layers.toString());
    assertEquals("what comes before it cannot take the factors", layers.get(2).reason());
  }

  @Test
  void channelsWithoutWeightsKeepFiniteFactors() {
    float[] first = new float[8 * 4 * 9];
    Arrays.fill(first, 36, first.length, 0.5f); // the first channel is all zero
    Model model =
        builder()
            .weight("first", Tensor.of(first, 8, 4, 3, 3))
            .random("bias", 8)
            .weight("second", kernel(2, 6, 8, 3, 3))
            .node("", "Conv", List.of("x", "first", "bias"), List.of("a"), window(1, 1))
            .node("Relu", List.of("a"), "r")
            .node("", "Conv", List.of("r", "second"), List.of("y"), window(1, 1))
            .build();
    assertTrue(difference(model, apply(model).model(), image()) < 1e-5);
  }

  @Test
  void groupsThatDoNotDivideNameTheLayer() {
    Layer layer = Layer.of(Rewrites.apply(around("Relu", 1, Map.of()))).get(0);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    Channels.of(
                        layer.node().withAttribute("group", Attribute.of(3)),
                        layer.weight().shape()))
            .getMessage();
    assertTrue(message.contains(layer.name()) && message.contains("3 groups"), message);
  }

  @ParameterizedTest
  @CsvSource({
    OcrModels.DIRECTION + ", 48, 192, 10",
    OcrModels.RECOGNITION + ", 48, 320, 2",
    OcrModels.DETECTION + ", 320, 320, 10"
  })
  void realModelsComputeWhatTheyDid(String file, int height, int width, int fewest) {
    Model model = Model.load(OcrModels.file(file));
    CompressionResult result = apply(model);
    Map<String, Tensor> inputs = new HashMap<>();
    inputs.put(model.graph().inputs().get(0).name(), OcrModels.images(2, height, width));
    double difference = difference(model, result.model(), inputs);
    assertTrue(difference < 1e-4, "difference " + difference);
    long pairs = result.report().layers().stream().filter(layer -> layer.note() != null).count();
    assertTrue(pairs >= fewest, pairs + " pairs");
  }
}
