package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Small networks of convolutions, pooling and recurrent layers against ONNX Runtime. */
class ImageNetworksTest {
  @TempDir Path folder;

  private static Tensor random(long seed, long... shape) {
    Random random = new Random(seed);
    float[] values = new float[(int) java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * 0.4f;
    }
    return Tensor.of(values, shape);
  }

  private void compare(Graphs graph, String outputs, Map<String, Tensor> inputs) throws Exception {
    Model model = graph.outputs(outputs).model();
    Path file = folder.resolve("network.onnx");
    model.save(file);
    Map<String, float[]> expected = OnnxRuntimeOracle.run(file, inputs);
    try (Session session = Session.open(file)) {
      Map<String, Tensor> actual = session.run(inputs);
      assertEquals(expected.keySet(), actual.keySet());
      expected.forEach(
          (name, values) -> assertArrayEquals(values, actual.get(name).toFloats(), 2e-5f, name));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5})
  void lenet(int batch) throws Exception {
    Graphs graph =
        Graphs.opset(13)
            .input("image", DataType.FLOAT32, "batch", 1, 28, 28)
            .weight("w1", random(1, 6, 1, 5, 5))
            .weight("b1", random(2, 6))
            .weight("w2", random(3, 16, 6, 5, 5))
            .weight("b2", random(4, 16))
            .weight("w3", random(5, 400, 120))
            .weight("b3", random(6, 120))
            .weight("w4", random(7, 120, 10))
            .weight("b4", random(8, 10))
            .node("c1", "Conv", "image w1 b1", "pads", new long[] {2, 2, 2, 2})
            .node("a1", "Relu", "c1")
            .node("p1", "MaxPool", "a1", "kernel_shape", pair(2), "strides", pair(2))
            .node("c2", "Conv", "p1 w2 b2")
            .node("a2", "Relu", "c2")
            .node("p2", "AveragePool", "a2", "kernel_shape", pair(2), "strides", pair(2))
            .node("f", "Flatten", "p2")
            .node("l1", "Gemm", "f w3 b3")
            .node("a3", "Tanh", "l1")
            .node("l2", "Gemm", "a3 w4 b4")
            .node("y", "Softmax", "l2");
    compare(graph, "y", Map.of("image", random(9, batch, 1, 28, 28)));
  }

  private static long[] pair(long size) {
    return new long[] {size, size};
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 11, 17", "3, 2, 16, 16"})
  void everyFusionOfAResidualBlock(int batch, int stride, int height, int width) throws Exception {
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, "batch", 8, "height", "width")
            .weight("expand", random(1, 24, 8, 1, 1))
            .weight("depthwise", random(2, 24, 1, 3, 3))
            .weight("squeeze", random(3, 6, 24, 1, 1))
            .weight("excite", random(4, 24, 6, 1, 1))
            .weight("project", random(5, 8, 24, 1, 1))
            .weight("skip", random(6, 8, 8, 1, 1))
            .weight("scale", random(7, 24))
            .weight("variance", ones(24))
            .weight("half", Tensor.scalar(0.5f))
            .weight("shift", Tensor.of(new float[] {0.25f}, 1))
            .node("e", "Conv", "x expand")
            .node("en", "BatchNormalization", "e scale scale scale variance")
            .node("ea", "HardSwish", "en")
            .node("es", "Mul", "ea half")
            .node("et", "Add", "es shift")
            .node(
                "d",
                "Conv",
                "et depthwise",
                "group",
                24,
                "pads",
                new long[] {1, 1, 1, 1},
                "strides",
                pair(stride))
            .node("da", "Relu", "d")
            .node("g", "GlobalAveragePool", "da")
            .node("s", "Conv", "g squeeze")
            .node("sa", "LeakyRelu", "s", "alpha", 0.1f)
            .node("t", "Conv", "sa excite")
            .node("ta", "HardSigmoid", "t")
            .node("se", "Mul", "da ta")
            .node("p", "Conv", "se project")
            .node("k", "Conv", "x skip", "strides", pair(stride))
            .node("r", "Add", "p k")
            .node("y", "Relu", "r");
    compare(graph, "y", Map.of("x", random(8, batch, 8, height, width)));
  }

  private static Tensor ones(int count) {
    float[] values = new float[count];
    java.util.Arrays.fill(values, 1.3f);
    return Tensor.of(values, count);
  }

  @ParameterizedTest
  @ValueSource(strings = {"forward", "reverse", "bidirectional"})
  void recurrentLayers(String direction) throws Exception {
    int directions = direction.equals("bidirectional") ? 2 : 1;
    int hidden = 7;
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, "steps", 3, 5)
            .weight("lengths", Tensor.of(new int[] {4, 6, 1}, 3))
            .weight("lw", random(1, directions, 4 * hidden, 5))
            .weight("lr", random(2, directions, 4 * hidden, hidden))
            .weight("lb", random(3, directions, 8 * hidden))
            .weight("lp", random(4, directions, 3 * hidden))
            .weight("h", random(5, directions, 3, hidden))
            .weight("c", random(6, directions, 3, hidden))
            .weight("gw", random(7, directions, 3 * hidden, 5))
            .weight("gr", random(8, directions, 3 * hidden, hidden))
            .weight("gb", random(9, directions, 6 * hidden))
            .node(
                "l lh lc",
                "LSTM",
                "x lw lr lb lengths h c lp",
                "hidden_size",
                hidden,
                "direction",
                direction)
            .node(
                "g gh",
                "GRU",
                "x gw gr gb lengths h",
                "hidden_size",
                hidden,
                "direction",
                direction,
                "linear_before_reset",
                1)
            .node("b bh", "GRU", "x gw gr gb", "hidden_size", hidden, "direction", direction)
            .node(
                "n nh",
                "RNN",
                "x nw nr",
                "hidden_size",
                hidden,
                "direction",
                direction,
                "activations",
                directions == 2 ? new String[] {"Relu", "Tanh"} : new String[] {"Relu"})
            .weight("nw", random(10, directions, hidden, 5))
            .weight("nr", random(11, directions, hidden, hidden));
    compare(graph, "l lh lc g gh b bh n nh", Map.of("x", random(12, 6, 3, 5)));
  }

  @Test
  void aWindowLargerThanTheImageNamesTheLayerAndTheShape() {
    Model model =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, "batch", 3, "height", "width")
            .weight("first.weight", random(1, 4, 3, 7, 7))
            .node("y", "Conv", "x first.weight")
            .outputs("y")
            .model();
    try (Session session = Session.open(model)) {
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class,
              () -> session.run(Map.of("x", random(2, 1, 3, 5, 9))));
      assertTrue(error.getMessage().contains("'first'"), error.getMessage());
      assertTrue(error.getMessage().contains("[1, 3, 5, 9]"), error.getMessage());
    }
  }

  @Test
  void anEmptyBatchGivesAnEmptyResult() {
    Model model =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, "batch", 3, "height", "width")
            .weight("w", random(1, 4, 3, 3, 3))
            .node("c", "Conv", "x w")
            .node("y", "GlobalAveragePool", "c")
            .outputs("y")
            .model();
    try (Session session = Session.open(model)) {
      Tensor y = session.run(Map.of("x", random(2, 0, 3, 5, 9))).get("y");
      assertArrayEquals(new long[] {0, 4, 1, 1}, y.shape());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "strides, 9223372036854775807",
    "dilations, 9223372036854775807",
    "dilations, 2147483647",
    "pads, 2147483647",
    "pads, 9223372036854775807",
    "pads, -1",
    "strides, 0"
  })
  void absurdWindowsAreErrors(String attribute, long value) {
    long[] values = attribute.equals("pads") ? new long[4] : new long[2];
    java.util.Arrays.fill(values, value);
    Model model =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, "batch", 3, "height", "width")
            .weight("w", random(1, 4, 3, 3, 3))
            .node("y", "Conv", "x w", attribute, values)
            .outputs("y")
            .model();
    String name = model.graph().nodes().get(0).name();
    IllegalArgumentException error =
        assertThrows(
            IllegalArgumentException.class,
            () -> {
              try (Session session = Session.open(model)) {
                session.run(Map.of("x", random(2, 1, 3, 5, 9)));
              }
            });
    assertTrue(error.getMessage().startsWith("node '" + name + "'"), error.getMessage());
  }
}
