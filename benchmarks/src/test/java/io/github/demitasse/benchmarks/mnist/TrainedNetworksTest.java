package io.github.demitasse.benchmarks.mnist;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.harness.Accuracy;
import io.github.demitasse.benchmarks.training.NetworkExport;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The networks that {@code scripts/bench mnist} trains, on all images to test on. */
class TrainedNetworksTest {
  private static final Path MODELS = Path.of("..", "models");
  private static final Path IMAGES = MODELS.resolve("mnist");

  private static Model network(String name) {
    Path file = MODELS.resolve(name);
    boolean there = Files.exists(file) && Files.exists(IMAGES.resolve("t10k-labels-idx1-ubyte"));
    assumeTrue(there, "skipped: no " + file + " or no images; scripts/bench mnist makes both");
    return Model.load(file);
  }

  private static double accuracy(Model model) throws Exception {
    try (Session session = Session.open(model)) {
      return Accuracy.of(
          (values, batch) -> {
            try (Tensor images = images(values, batch);
                Tensor scores =
                    session.run(Map.of(NetworkExport.INPUT, images)).get(NetworkExport.OUTPUT)) {
              return scores.toFloats();
            }
          },
          MnistImages.test(IMAGES));
    }
  }

  private static Tensor images(float[] values, int batch) {
    return Tensor.of(values, batch, 1, MnistImages.SIDE, MnistImages.SIDE);
  }

  @Test
  void leNetKeepsItsAccuracyInInt8() throws Exception {
    Model model = network("lenet-mnist.onnx");
    double original = accuracy(model);
    assertTrue(original >= 0.99, "FP32: " + original);
    MnistImages training = MnistImages.training(IMAGES);
    List<Map<String, Tensor>> samples =
        IntStream.range(0, 128)
            .mapToObj(i -> Map.of(NetworkExport.INPUT, images(training.batch(i, 1), 1)))
            .toList();
    Recipe recipe =
        Recipe.of(
            Quantize.weights(NumberFormat.INT8)
                .activations(NumberFormat.INT8)
                .calibrate(Percentile.of(99.99)));
    Model small = Compressor.on(model).calibration(Dataset.of(samples)).apply(recipe).model();
    double quantized = accuracy(small);
    assertTrue(quantized >= original - 0.002, "INT8: " + quantized + ", FP32: " + original);
  }

  @Test
  void lstm() throws Exception {
    double accuracy = accuracy(network("lstm-mnist.onnx"));
    assertTrue(accuracy >= 0.98, "FP32: " + accuracy);
  }
}
