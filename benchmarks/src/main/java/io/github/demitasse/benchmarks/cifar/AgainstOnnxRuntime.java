package io.github.demitasse.benchmarks.cifar;

import io.github.demitasse.benchmarks.harness.CompressionTable;
import io.github.demitasse.benchmarks.harness.Variants;
import java.nio.file.Path;

/**
 * A residual network, compressed, on CIFAR-10's whole test set and against ONNX Runtime. Calibrates
 * on the first images for training.
 *
 * <p>Arguments: the folder of the images, the network.
 */
public final class AgainstOnnxRuntime {
  private static final int CALIBRATION = 512;

  private AgainstOnnxRuntime() {}

  public static void main(String[] arguments) throws Exception {
    CifarImages test = CifarImages.test(Path.of(arguments[0]));
    CifarImages training = CifarImages.training(Path.of(arguments[0]));
    Path network = Path.of(arguments[1]);
    long[] shape = {3, CifarImages.SIDE, CifarImages.SIDE};
    new CompressionTable(network, shape, test, training, CALIBRATION)
        .print(network.getFileName().toString(), Variants.CONVOLUTIONS);
  }
}
