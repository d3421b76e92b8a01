package io.github.demitasse.benchmarks.cifar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CifarImagesTest {
  @TempDir Path folder;

  private Path picture(int width) throws IOException {
    BufferedImage image = new BufferedImage(width, 2, BufferedImage.TYPE_INT_RGB);
    image.setRGB(33, 1, 0xff8000); // the second pixel of the second row
    Path file = folder.resolve("rows.png");
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  private Path labels(String list) throws IOException {
    return Files.writeString(folder.resolve("labels.json"), list);
  }

  @Test
  void rowsAreImages() throws IOException {
    CifarImages images = CifarImages.read(picture(1024), labels("[3,9,1]\n"));
    assertEquals(2, images.size());
    assertEquals(9, images.label(1));
    float[] values = images.batch(0, 2);
    float[] black = {-0.485f / 0.229f, -0.456f / 0.224f, -0.406f / 0.225f};
    float[] orange = {(1 - 0.485f) / 0.229f, (128 / 255f - 0.456f) / 0.224f, -0.406f / 0.225f};
    for (int channel = 0; channel < 3; channel++) {
      assertEquals(black[channel], values[channel * 1024 + 33], 1e-5f);
      assertEquals(orange[channel], values[3 * 1024 + channel * 1024 + 33], 1e-5f);
    }
    assertEquals(0xffff8000, images.image(1).getRGB(1, 1));
  }

  @Test
  void whatDoesNotFitIsAnErrorThatNamesTheFile() throws IOException {
    assertFails(picture(1000), labels("[1,2]"), "rows.png");
    assertFails(picture(1024), labels("[1]"), "labels.json");
    assertFails(picture(1024), labels("[1,12]"), "labels.json");
  }

  private static void assertFails(Path picture, Path labels, String part) {
    IOException failed = assertThrows(IOException.class, () -> CifarImages.read(picture, labels));
    assertTrue(failed.getMessage().contains(part), failed.getMessage());
  }
}
