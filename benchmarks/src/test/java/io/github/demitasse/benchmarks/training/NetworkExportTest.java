package io.github.demitasse.benchmarks.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import ai.onnxruntime.OnnxTensor;
import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.harness.OnnxRuntimeNetwork;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The trainer, Demitasse and ONNX Runtime compute the same scores. */
class NetworkExportTest {
  private static final int BATCH = 3;

  @TempDir Path folder;

  @Test
  void convolutions() throws Exception {
    check(
        List.of(
            new Convolution(2, 9, 8, 5, 3, 1),
            new Rectifier(5 * 9 * 8),
            new Convolution(5, 9, 8, 3, 2, 0),
            new Rectifier(3 * 8 * 7),
            new FullyConnected(3 * 8 * 7, 6),
            new Rectifier(6),
            new FullyConnected(6, 4)),
        2,
        9,
        8);
    check(List.of(new MaxPooling(1, 4, 6), new FullyConnected(6, 3)), 1, 4, 6);
  }

  @Test
  void lstm() throws Exception {
    check(List.of(new Lstm(6, 5, 7), new FullyConnected(7, 4)), 1, 6, 5);
  }

  private void check(List<Layer> layers, int channels, int height, int width) throws Exception {
    Random random = new Random(3);
    Network network = Network.random(layers, 4);
    for (float[] parameters : network.parameters()) {
      for (int i = 0; i < parameters.length; i++) {
        parameters[i] += 0.1f * (float) random.nextGaussian(); // biases, too
      }
    }
    float[] inputs = new float[BATCH * network.inputs()];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (float) random.nextGaussian();
    }
    float[] expected = network.scores(inputs, BATCH);
    Model model = NetworkExport.of("test", network, channels, height, width, Map.of());
    Path file = folder.resolve("test.onnx");
    model.save(file);
    try (Session session = Session.open(file);
        Tensor image = Tensor.of(inputs, BATCH, channels, height, width);
        Tensor scores = session.run(Map.of(NetworkExport.INPUT, image)).get(NetworkExport.OUTPUT)) {
      assertArrayEquals(new long[] {BATCH, network.classes()}, scores.shape());
      assertArrayEquals(expected, scores.toFloats(), 1e-4f);
    }
    try (OnnxRuntimeNetwork other = OnnxRuntimeNetwork.open(file, 1);
        OnnxTensor image = other.tensor(inputs, BATCH, channels, height, width)) {
      assertArrayEquals(expected, other.run(image), 1e-4f);
    }
  }
}
