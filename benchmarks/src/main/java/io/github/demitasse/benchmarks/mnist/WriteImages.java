package io.github.demitasse.benchmarks.mnist;

import io.github.demitasse.benchmarks.harness.ImageFolders;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes MNIST for the command line: the folders {@code test} with all images to test on and {@code
 * training} with the first 1,000 to calibrate on, as PNG in a folder for each digit, and {@code
 * preprocess.yaml}, which says how they become the networks' input.
 *
 * <p>Arguments: the folder of the idx files, the folder to write to.
 */
public final class WriteImages {
  private static final int CALIBRATION = 1000;

  private WriteImages() {}

  public static void main(String[] arguments) throws Exception {
    Path to = Path.of(arguments[1]);
    MnistImages test = MnistImages.test(Path.of(arguments[0]));
    ImageFolders.write(test, test.size(), test::image, to.resolve("test"));
    MnistImages training = MnistImages.training(Path.of(arguments[0]));
    ImageFolders.write(training, CALIBRATION, training::image, to.resolve("training"));
    Files.writeString(to.resolve("preprocess.yaml"), "channels: gray\n");
  }
}
