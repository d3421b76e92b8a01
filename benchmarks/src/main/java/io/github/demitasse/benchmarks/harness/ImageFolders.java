package io.github.demitasse.benchmarks.harness;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.IntFunction;
import javax.imageio.ImageIO;

/** Thread-safe: labelled images as the command line reads them: PNG files in a folder a label. */
public final class ImageFolders {
  private ImageFolders() {}

  /**
   * Writes the first {@code count} images as FOLDER/LABEL/NUMBER.png.
   *
   * @param image of an example
   */
  public static void write(
      Examples examples, int count, IntFunction<BufferedImage> image, Path folder)
      throws IOException {
    for (int i = 0; i < count; i++) {
      Path of = Files.createDirectories(folder.resolve(String.valueOf(examples.label(i))));
      String name = String.format(Locale.ROOT, "%05d.png", i);
      ImageIO.write(image.apply(i), "png", of.resolve(name).toFile());
    }
  }
}
