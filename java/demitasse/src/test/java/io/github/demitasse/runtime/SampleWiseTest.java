package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OcrModels;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SampleWiseTest {
  private static Tensor random(long seed, int... shape) {
    Random random = new Random(seed);
    long[] dimensions = new long[shape.length];
    int count = 1;
    for (int i = 0; i < shape.length; i++) {
      dimensions[i] = shape[i];
      count *= shape[i];
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, dimensions);
  }

  /** A network whose value y is y = operator(x, ..) of x [batch, 4, 6, 6], with some constants. */
  private static Model network(String operator, String inputs, Object... attributes) {
    return Graphs.opset(13)
        .input("x", DataType.FLOAT32, "batch", 4, 6, 6)
        .weight("kernel", random(1, 8, 4, 3, 3))
        .weight("matrix", random(2, 6, 5))
        .weight("row", random(3, 1, 4, 1, 1))
        .weight("rows", random(4, 7, 4, 6, 6))
        .weight("flat", Tensor.of(new long[] {0, -1}, 2))
        .weight("zero", Tensor.of(new long[] {0}, 1))
        .weight("one", Tensor.of(new long[] {1}, 1))
        .weight("two", Tensor.of(new long[] {2}, 1))
        .weight("last", Tensor.of(new long[] {-1}, 1))
        .weight("least", Tensor.of(new long[] {-1000}, 1))
        .weight("four", random(5, 4))
        .weight("variance", Tensor.of(new float[] {1, 2, 3, 4}, 4))
        .node("y", operator, inputs, attributes)
        .outputs("y")
        .model();
  }

  private static long largest(Model model) {
    return largest(model, random(9, 7, 4, 6, 6));
  }

  private static long largest(Model model, Tensor input) {
    try (PreparedModel prepared = new PreparedModel(model)) {
      return SampleWise.largestValue(
          prepared.model(), new Tensor[] {input}, List.of(model.graph().outputs().get(0).name()));
    }
  }

  @Test
  void operatorsThatKeepSamplesApart() {
    for (Model model :
        List.of(
            network("Conv", "x kernel"),
            network("Relu", "x"),
            network("Mul", "x row"),
            network("Mul", "x x"),
            network("Reshape", "x flat"),
            network("MatMul", "x matrix"),
            network("MatMul", "x x"),
            network("Softmax", "x", "axis", 1),
            network("Concat", "x x", "axis", 1),
            network("Transpose", "x", "perm", new long[] {0, 2, 3, 1}),
            network("ReduceMean", "x", "axes", new long[] {2, 3}),
            network("GlobalAveragePool", "x"),
            network("MaxPool", "x", "kernel_shape", new long[] {2, 2}),
            network("BatchNormalization", "x four four four variance"),
            network("Slice", "x zero two one"),
            network("Gather", "x one", "axis", 2))) {
      assertTrue(largest(model) >= 4 * 6 * 6 * 4, () -> model.graph().nodes().toString());
    }
  }

  @Test
  void operatorsThatMixSamples() {
    for (Model model :
        List.of(
            network("Softmax", "x", "axis", 0),
            network("Mul", "x rows"),
            network("Concat", "x x", "axis", 0),
            network("Transpose", "x", "perm", new long[] {1, 0, 2, 3}),
            network("ReduceMean", "x", "axes", new long[] {0}),
            network("ReduceSum", "x", "keepdims", 0),
            network("Slice", "x last least zero last"),
            network("Gather", "x zero", "axis", 0),
            network("CumSum", "x zero"))) {
      assertEquals(0, largest(model), () -> model.graph().nodes().toString());
    }
  }

  @Test
  void aConstantThatDiffersBetweenSamplesIsNoResidual() {
    Model model =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, "batch", 6)
            .weight("matrix", random(1, 6, 5))
            .weight("rows", random(2, 7, 5))
            .node("m", "MatMul", "x matrix")
            .node("y", "Add", "m rows")
            .outputs("y")
            .model();
    assertEquals(0, largest(model, random(3, 7, 6)));
  }

  @Test
  void indicesOfPoolingCountOverTheBatch() {
    Model model =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, "batch", 4, 6, 6)
            .node("y z", "MaxPool", "x", "kernel_shape", new long[] {2, 2})
            .outputs("y z")
            .model();
    assertEquals(0, largest(model));
  }

  /** Parts of 1, 2 and 3 samples, with and without a rest, on fewer and more threads. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 7, 16})
  void partsOfABatchGiveTheSameBits(int batch) {
    Model model = network("Conv", "x kernel");
    try (Session alone = Session.open(model, SessionOptions.threads(1))) {
      float[] expected = new float[batch * 8 * 4 * 4];
      for (int i = 0; i < batch; i++) {
        float[] one = alone.run(Map.of("x", random(i, 1, 4, 6, 6))).get("y").toFloats();
        System.arraycopy(one, 0, expected, i * one.length, one.length);
      }
      float[] images = new float[batch * 4 * 6 * 6];
      for (int i = 0; i < batch; i++) {
        float[] one = random(i, 1, 4, 6, 6).toFloats();
        System.arraycopy(one, 0, images, i * one.length, one.length);
      }
      Tensor all = Tensor.of(images, batch, 4, 6, 6);
      for (int threads = 1; threads <= 4; threads++) {
        try (Session session = Session.open(model, SessionOptions.threads(threads))) {
          Tensor result = session.run(Map.of("x", all)).get("y");
          assertArrayEquals(new long[] {batch, 8, 4, 4}, result.shape());
          assertArrayEquals(expected, result.toFloats());
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"direction, 48, 192", "recognition, 48, 160", "detection, 160, 128"})
  void batchesOfRealImagesGiveWhatEachGives(String name, int height, int width) {
    String model =
        switch (name) {
          case "direction" -> OcrModels.DIRECTION;
          case "recognition" -> OcrModels.RECOGNITION;
          default -> OcrModels.DETECTION;
        };
    Tensor images = OcrModels.images(5, height, width);
    Model loaded = Model.load(OcrModels.file(model));
    assertTrue(largest(loaded, images) > 0);
    try (Session session = Session.open(loaded, SessionOptions.threads(2))) {
      float[] together = session.run(Map.of("x", images)).values().iterator().next().toFloats();
      for (int i = 0; i < 5; i++) {
        Tensor image = Samples.of(new Tensor[] {images}, i, 1)[0];
        float[] alone = session.run(Map.of("x", image)).values().iterator().next().toFloats();
        for (int j = 0; j < alone.length; j++) {
          assertEquals(alone[j], together[i * alone.length + j], "image " + i);
        }
      }
    }
  }
}
