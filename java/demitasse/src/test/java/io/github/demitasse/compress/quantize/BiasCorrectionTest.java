package io.github.demitasse.compress.quantize;

import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.evaluate.Dataset;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BiasCorrectionTest {
  private static final int HEIGHT = 7;
  private static final int WIDTH = 9;
  private static final Quantize COARSE =
      Quantize.weights(INT8).perTensor().activations(INT8).calibrate(Percentile.of(95));

  /** Convolutions with and without bias, each followed by another kind; padding everywhere. */
  private static Model network() {
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, "n", 4, HEIGHT, WIDTH)
        .output("y", DataType.FLOAT32, "n", 6, 4, 5)
        .random("full", 8, 4, 3, 3)
        .random("full_bias", 8)
        .random("depthwise", 8, 1, 3, 3)
        .random("grouped", 8, 4, 3, 3)
        .random("last", 6, 8, 3, 3)
        .random("last_bias", 6)
        .node("", "Conv", List.of("x", "full", "full_bias"), List.of("a"), window(1, 1))
        .node("Relu", List.of("a"), "ar")
        .node("", "Conv", List.of("ar", "depthwise"), List.of("b"), window(8, 1))
        .node("HardSwish", List.of("b"), "br")
        .node("", "Conv", List.of("br", "grouped"), List.of("c"), window(2, 1))
        .node("Add", List.of("c", "br"), "cs")
        .node("Relu", List.of("cs"), "cr")
        .node("", "Conv", List.of("cr", "last", "last_bias"), List.of("y"), window(1, 2))
        .build();
  }

  private static Map<String, Attribute> window(long group, long stride) {
    return Map.of(
        "group", Attribute.of(group),
        "pads", Attribute.ofIntegers(List.of(1L, 1L, 1L, 1L)),
        "strides", Attribute.ofIntegers(List.of(stride, stride)));
  }

  private static Dataset images(int count, int height, int width) {
    Random random = new Random(5);
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (int sample = 0; sample < count; sample++) {
      float[] values = new float[4 * height * width];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian() + 0.5f;
      }
      samples.add(Map.of("x", Tensor.of(values, 1, 4, height, width)));
    }
    return Dataset.of(samples);
  }

  /** The mean of each channel [n, channel, ..] of a value over the data. */
  private static double[] means(Model model, String value, Dataset data) {
    double[] sums = null;
    long pixels = 0;
    try (Session session = Session.open(exposing(model, value))) {
      for (Map<String, Tensor> inputs : data) {
        Tensor output = session.run(inputs).get(value);
        int channels = (int) output.shape()[1];
        int area = (int) (output.shape()[2] * output.shape()[3]);
        float[] values = output.toFloats();
        sums = sums == null ? new double[channels] : sums;
        for (int i = 0; i < values.length; i++) {
          sums[i / area % channels] += values[i];
        }
        pixels += values.length / channels;
      }
    }
    for (int c = 0; c < sums.length; c++) {
      sums[c] /= pixels;
    }
    return sums;
  }

  private static Model exposing(Model model, String value) {
    Graph graph = model.graph();
    if (graph.outputNames().contains(value)) {
      return model;
    }
    List<ValueInfo> outputs = new ArrayList<>(graph.outputs());
    outputs.add(new ValueInfo(value, null, null));
    return model.withGraph(
        new Graph(
            graph.name(), graph.opsets(), graph.inputs(), outputs, graph.nodes(), graph.values()));
  }

  private static double largestDifference(double[] one, double[] other) {
    double largest = 0;
    for (int i = 0; i < one.length; i++) {
      largest = Math.max(largest, Math.abs(one[i] - other[i]));
    }
    return largest;
  }

  private static Model compressed(Model model, Dataset data, Quantize step) {
    return Compressor.on(model).calibration(data).apply(Recipe.of(step)).model();
  }

  @Test
  void theMeanErrorOfEveryChannelIsTakenOffThroughAllKindsOfConvolutions() {
    Model model = network();
    Dataset data = images(6, HEIGHT, WIDTH);
    double[] exact = means(model, "y", data);
    double plain = largestDifference(exact, means(compressed(model, data, COARSE), "y", data));
    double corrected =
        largestDifference(exact, means(compressed(model, data, COARSE.correctBias()), "y", data));
    assertTrue(plain > 0.01, "without correction " + plain);
    assertTrue(corrected < 1e-5, corrected + " against " + plain);
  }

  @Test
  void layersWithoutBiasGetOne() {
    Model model = compressed(network(), images(2, HEIGHT, WIDTH), COARSE.correctBias());
    List<Layer> layers = Layer.of(model);
    assertEquals(4, layers.size());
    for (Layer layer : layers) {
      assertEquals(
          List.of(layer.weight().shape()[0]),
          List.of(model.weights().get(layer.node().input(2)).shape()[0]),
          layer.name());
    }
  }

  /** One weight for two layers whose inputs differ: each has an error, and a bias, of its own. */
  @Test
  void layersThatShareAWeightAreCorrectedOneByOne() {
    Model model =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, 1, 4, HEIGHT, WIDTH)
            .output("first", DataType.FLOAT32, 1, 4, HEIGHT, WIDTH)
            .output("y", DataType.FLOAT32, 1, 4, HEIGHT, WIDTH)
            .random("w", 4, 4, 3, 3)
            .random("b", 4)
            .node("", "Conv", List.of("x", "w", "b"), List.of("first"), window(1, 1))
            .node("Relu", List.of("first"), "r")
            .node("", "Conv", List.of("r", "w", "b"), List.of("y"), window(1, 1))
            .build();
    Dataset data = images(3, HEIGHT, WIDTH);
    Model corrected = compressed(model, data, COARSE.correctBias());
    for (String value : List.of("first", "y")) {
      double difference =
          largestDifference(means(model, value, data), means(corrected, value, data));
      assertTrue(difference < 1e-5, value + ": " + difference);
    }
  }

  @Test
  void constantChannelsAreCorrectedExactly() {
    Model model = network();
    float[] values = new float[4 * HEIGHT * WIDTH];
    Arrays.fill(values, HEIGHT * WIDTH, 2 * HEIGHT * WIDTH, 0.7f);
    Dataset data = Dataset.of(List.of(Map.of("x", Tensor.of(values, 1, 4, HEIGHT, WIDTH))));
    Model corrected = compressed(model, data, COARSE.correctBias());
    double difference = largestDifference(means(model, "y", data), means(corrected, "y", data));
    assertTrue(difference < 1e-5, "difference " + difference);
  }

  @Test
  void valuesThatAreNotFiniteAreAnErrorThatNamesSampleAndValue() {
    float[] values = new float[4 * HEIGHT * WIDTH];
    values[3] = Float.NaN;
    Dataset data = Dataset.of(List.of(Map.of("x", Tensor.of(values, 1, 4, HEIGHT, WIDTH))));
    Quantize step = Quantize.weights(INT8).correctBias();
    String message =
        assertThrows(IllegalArgumentException.class, () -> compressed(network(), data, step))
            .getMessage();
    assertTrue(message.contains("sample 0") && message.contains("NaN"), message);
  }

  /** Each layer's products in the direction model, on pictures like those it was corrected for. */
  @Test
  void theMeanErrorOfARealModelIsSmallerOnOtherPictures() {
    Model model = Model.load(OcrModels.file(OcrModels.DIRECTION));
    String input = model.graph().inputs().get(0).name();
    Dataset calibration = Dataset.of(List.of(Map.of(input, OcrModels.images(8, 48, 192))));
    Dataset other = Dataset.of(List.of(Map.of(input, OcrModels.images(4, 48, 192))));
    Quantize step = Quantize.weights(INT8).activations(INT8).calibrate(Percentile.of(99.99));
    Map<String, double[]> exact = meansOfLayers(Rewrites.apply(model), other);
    double plain = meanSquares(exact, meansOfLayers(compressed(model, calibration, step), other));
    double corrected =
        meanSquares(
            exact, meansOfLayers(compressed(model, calibration, step.correctBias()), other));
    assertTrue(corrected < plain / 2, corrected + " against " + plain);
  }

  private static Map<String, double[]> meansOfLayers(Model model, Dataset data) {
    Map<String, double[]> means = new HashMap<>();
    for (Layer layer : Layer.of(model)) {
      Node node = layer.node();
      if (layer.kind() == Layer.Kind.CONVOLUTION && !node.hasInput(3)) {
        means.put(layer.name(), means(model, node.output(0), data));
      }
    }
    return means;
  }

  /** Errors relative to the mean square of each layer's means, averaged over the layers. */
  private static double meanSquares(Map<String, double[]> exact, Map<String, double[]> other) {
    assertEquals(exact.keySet(), other.keySet());
    double sum = 0;
    for (String layer : exact.keySet()) {
      double error = 0;
      double square = 0;
      for (int c = 0; c < exact.get(layer).length; c++) {
        error += Math.pow(exact.get(layer)[c] - other.get(layer)[c], 2);
        square += Math.pow(exact.get(layer)[c], 2);
      }
      sum += error / square;
    }
    return sum / exact.size();
  }
}
