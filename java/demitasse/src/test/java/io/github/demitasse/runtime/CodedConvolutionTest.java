package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import io.github.demitasse.Model;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.QuantizedWeight;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CodedConvolutionTest {
  private static final long[] SHAPE = {2, 3, 19, 26};

  /** An image, a depthwise layer, squeeze-and-excite, a strided layer, a branch that joins. */
  private static Model network() {
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, "n", 3, 19, 26)
        .output("y", DataType.FLOAT32, "n", 12, 10, 13)
        .random("image", 16, 3, 3, 3)
        .random("depthwise", 16, 1, 5, 5)
        .random("gate", 16, 16, 1, 1)
        .random("strided", 12, 16, 3, 3)
        .random("pointwise", 12, 12, 1, 1)
        .node("", "Conv", List.of("x", "image"), List.of("a"), window(1, 1, 1))
        .node("Relu", List.of("a"), "ar")
        .node("", "Conv", List.of("ar", "depthwise"), List.of("b"), window(16, 2, 1))
        .node("Relu", List.of("b"), "br")
        .node("GlobalAveragePool", List.of("br"), "mean")
        .node("", "Conv", List.of("mean", "gate"), List.of("g"), window(1, 0, 1))
        .node("Sigmoid", List.of("g"), "gs")
        .node("Mul", List.of("br", "gs"), "e")
        .node("", "Conv", List.of("e", "strided"), List.of("s"), window(1, 1, 2))
        .node("Relu", List.of("s"), "sr")
        .node("", "Conv", List.of("sr", "pointwise"), List.of("p"), window(1, 0, 1))
        .node("Add", List.of("p", "sr"), "y")
        .build();
  }

  private static Map<String, Attribute> window(long group, long padding, long stride) {
    return Map.of(
        "group",
        Attribute.of(group),
        "pads",
        Attribute.ofIntegers(List.of(padding, padding, padding, padding)),
        "strides",
        Attribute.ofIntegers(List.of(stride, stride)));
  }

  private static Map<String, Tensor> images(int seed) {
    float[] values = new float[2 * 3 * 19 * 26];
    Random random = new Random(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(values, SHAPE));
  }

  private static float[] run(Model model, Map<String, Tensor> inputs, int threads) {
    try (Session session = Session.open(model, SessionOptions.threads(threads))) {
      return session.run(inputs).get("y").toFloats();
    }
  }

  private static Model quantized(Model model) {
    Recipe recipe =
        Recipe.of(
            Quantize.weights(NumberFormat.INT8)
                .activations(NumberFormat.INT8)
                .calibrate(Percentile.of(99.99)));
    return Compressor.on(model)
        .calibration(Dataset.of(List.of(images(1), images(2), images(3))))
        .apply(recipe)
        .model();
  }

  @Test
  void theQuantizedNetworkStaysClose() {
    Model model = network();
    Map<String, Tensor> inputs = images(4);
    float[] expected = run(model, inputs, 1);
    Model quantized = quantized(model);
    for (Layer layer : Layer.of(quantized)) {
      assertTrue(layer.weight() instanceof QuantizedWeight, layer.toString());
    }
    float[] actual = run(quantized, inputs, 1);
    double noise = 0;
    double signal = 0;
    for (int i = 0; i < expected.length; i++) {
      noise += Math.pow(expected[i] - actual[i], 2);
      signal += Math.pow(expected[i], 2);
    }
    assertTrue(noise > 0, "something was rounded");
    assertTrue(signal / noise > 1000, "30 dB, it is " + 10 * Math.log10(signal / noise));
  }

  @Test
  void threadsAndFilesChangeNothing(@TempDir Path folder) {
    Model quantized = quantized(network());
    Map<String, Tensor> inputs = images(5);
    float[] expected = run(quantized, inputs, 1);
    Path file = folder.resolve("network.dmt");
    quantized.save(file);
    float[] loaded = run(Model.load(file), inputs, 2);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], loaded[i]);
    }
  }

  @Test
  void theExportInPlainOnnxComputesTheSame(@TempDir Path folder) throws Exception {
    Model quantized = quantized(network());
    Map<String, Tensor> inputs = images(6);
    float[] ours = run(quantized, inputs, 1);
    Path file = folder.resolve("network.onnx");
    quantized.save(file);
    float[] theirs;
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession session = environment.createSession(file.toString());
        OnnxTensor input =
            OnnxTensor.createTensor(
                environment, FloatBuffer.wrap(inputs.get("x").toFloats()), SHAPE);
        OrtSession.Result result = session.run(Map.of("x", input))) {
      FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
      theirs = new float[values.remaining()];
      values.get(theirs);
    }
    double largest = 0;
    double total = 0;
    double difference = 0;
    for (int i = 0; i < ours.length; i++) {
      largest = Math.max(largest, Math.abs(theirs[i]));
      double error = Math.abs(ours[i] - theirs[i]);
      total += error;
      difference = Math.max(difference, error);
    }
    // A value half-way between two codes may fall either way.
    assertTrue(difference <= 0.05 * largest, "largest difference " + difference + " of " + largest);
    assertTrue(total / ours.length <= 0.002 * largest, "mean difference " + total / ours.length);
  }
}
