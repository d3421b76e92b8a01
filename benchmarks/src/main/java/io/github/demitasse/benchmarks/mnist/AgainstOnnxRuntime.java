package io.github.demitasse.benchmarks.mnist;

import io.github.demitasse.benchmarks.harness.CompressionTable;
import io.github.demitasse.benchmarks.harness.Variant;
import io.github.demitasse.benchmarks.harness.Variants;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Networks that {@link TrainNetworks} trained, compressed, on MNIST's whole test set and against
 * ONNX Runtime. Calibrates on the first images for training.
 *
 * <p>Arguments: the folder of the idx files, the folder of the networks, perhaps which (lenet,
 * lstm).
 */
public final class AgainstOnnxRuntime {
  private static final int CALIBRATION = 512;

  private static final Map<String, List<Variant>> VARIANTS =
      Map.of("lenet", Variants.CONVOLUTIONS, "lstm", Variants.RECURRENT);

  private AgainstOnnxRuntime() {}

  public static void main(String[] arguments) throws Exception {
    MnistImages test = MnistImages.test(Path.of(arguments[0]));
    MnistImages training = MnistImages.training(Path.of(arguments[0]));
    List<String> chosen =
        arguments.length > 2
            ? Arrays.asList(arguments).subList(2, arguments.length)
            : List.of("lenet", "lstm");
    long[] shape = {1, MnistImages.SIDE, MnistImages.SIDE};
    for (String name : chosen) {
      Path file = Path.of(arguments[1]).resolve(name + "-mnist.onnx");
      new CompressionTable(file, shape, test, training, CALIBRATION)
          .print(name, VARIANTS.get(name));
    }
  }
}
