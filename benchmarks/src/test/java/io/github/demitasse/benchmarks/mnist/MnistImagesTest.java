package io.github.demitasse.benchmarks.mnist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistImagesTest {
  private static final int AREA = 28 * 28;

  @TempDir Path folder;
  private Path images;
  private Path labels;

  /** Two images: pixel i is i in the first and 255 - i in the second, modulo 256. */
  @BeforeEach
  void write() throws IOException {
    images = folder.resolve("t10k-images-idx3-ubyte");
    labels = folder.resolve("t10k-labels-idx1-ubyte");
    ByteBuffer pixels = ByteBuffer.allocate(16 + 2 * AREA);
    pixels.putInt(0x0803).putInt(2).putInt(28).putInt(28);
    for (int i = 0; i < 2 * AREA; i++) {
      pixels.put((byte) (i < AREA ? i : 255 - (i - AREA)));
    }
    Files.write(images, pixels.array());
    Files.write(labels, ByteBuffer.allocate(10).putInt(0x0801).putInt(2).put((byte) 7).array());
  }

  @Test
  void pixelsAreSharesOfInk() throws IOException {
    MnistImages read = MnistImages.test(folder);
    assertEquals(2, read.size());
    assertEquals(7, read.label(0));
    assertEquals(0, read.label(1));
    float[] values = read.batch(0, 2);
    assertEquals(200 / 255f, values[200]);
    assertEquals(55 / 255f, values[AREA + 200]);
    assertArrayEquals(Arrays.copyOfRange(values, AREA, 2 * AREA), read.batch(1, 1));
    assertEquals(200, read.image(0).getRaster().getSample(200 % 28, 200 / 28, 0));
  }

  @Test
  void whatIsNotWholeIsAnErrorThatNamesTheFile() throws IOException {
    byte[] whole = Files.readAllBytes(images);
    Files.write(images, Arrays.copyOf(whole, whole.length - 1));
    assertFails("t10k-images");
    Files.write(images, Arrays.copyOf(whole, 5));
    assertFails("t10k-images");
    whole[3] = 1;
    Files.write(images, whole);
    assertFails("t10k-images");
    whole[3] = 3;
    Files.write(images, whole);
    Files.write(labels, ByteBuffer.allocate(9).putInt(0x0801).putInt(1).array());
    assertFails("2 images for 1 labels");
    Files.write(labels, ByteBuffer.allocate(10).putInt(0x0801).putInt(2).put((byte) 10).array());
    assertFails("a label is 10");
    Files.delete(labels);
    assertThrows(IOException.class, () -> MnistImages.test(folder));
  }

  private void assertFails(String part) {
    IOException failed = assertThrows(IOException.class, () -> MnistImages.test(folder));
    assertTrue(failed.getMessage().contains(part), failed.getMessage());
  }
}
