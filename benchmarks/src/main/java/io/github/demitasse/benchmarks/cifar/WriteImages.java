package io.github.demitasse.benchmarks.cifar;

import io.github.demitasse.benchmarks.harness.ImageFolders;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes CIFAR-10 for the command line: the folders {@code test} with all images to test on and
 * {@code training} with 1,000 to calibrate on, as PNG in a folder for each class, and {@code
 * preprocess.yaml}, which says how they become the networks' input.
 *
 * <p>Arguments: the folder of the images, the folder to write to.
 */
public final class WriteImages {
  private static final int CALIBRATION = 1000;

  private WriteImages() {}

  public static void main(String[] arguments) throws Exception {
    Path to = Path.of(arguments[1]);
    CifarImages test = CifarImages.test(Path.of(arguments[0]));
    ImageFolders.write(test, test.size(), test::image, to.resolve("test"));
    CifarImages training = CifarImages.training(Path.of(arguments[0]));
    ImageFolders.write(training, CALIBRATION, training::image, to.resolve("training"));
    Files.writeString(
        to.resolve("preprocess.yaml"),
        "mean: [0.485, 0.456, 0.406]\ndeviation: [0.229, 0.224, 0.225]\n");
  }
}
