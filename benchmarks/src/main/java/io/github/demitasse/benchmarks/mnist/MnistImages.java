package io.github.demitasse.benchmarks.mnist;

import io.github.demitasse.benchmarks.harness.Examples;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Immutable and thread-safe: images of handwritten digits with their labels, from a pair of MNIST's
 * idx files. A number of an image is a byte / 255, from 0 (paper) to 1 (ink); nothing else is done
 * to it.
 */
public final class MnistImages implements Examples {
  /** Height and width. */
  public static final int SIDE = 28;

  public static final int CLASSES = 10;

  private static final int AREA = SIDE * SIDE;
  private static final int IMAGES = 0x0803; // bytes in three dimensions
  private static final int LABELS = 0x0801; // bytes in one

  private final byte[] pixels;
  private final byte[] labels;

  private MnistImages(byte[] pixels, byte[] labels) {
    this.pixels = pixels;
    this.labels = labels;
  }

  /** The 60,000 images for training in a folder. */
  public static MnistImages training(Path folder) throws IOException {
    return read(folder, "train");
  }

  /** The 10,000 images for testing in a folder. */
  public static MnistImages test(Path folder) throws IOException {
    return read(folder, "t10k");
  }

  /**
   * Reads a set.
   *
   * @throws IOException if a file is missing or is not what its name says, naming it
   */
  static MnistImages read(Path folder, String set) throws IOException {
    Path images = folder.resolve(set + "-images-idx3-ubyte");
    Path labels = folder.resolve(set + "-labels-idx1-ubyte");
    byte[] pixels = content(images, IMAGES, SIDE, SIDE);
    byte[] classes = content(labels, LABELS);
    if (pixels.length != classes.length * AREA) {
      throw new IOException(
          images + " holds " + pixels.length / AREA + " images for " + classes.length + " labels");
    }
    for (byte label : classes) {
      if (label < 0 || label >= CLASSES) {
        throw new IOException(labels + ": a label is " + (label & 255));
      }
    }
    return new MnistImages(pixels, classes);
  }

  /** What follows the header: a magic number, then the size of each dimension, big-endian. */
  private static byte[] content(Path file, int magic, int... inner) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int header = Integer.BYTES * (2 + inner.length);
    if (bytes.length < header) {
      throw new IOException(file + " is too short for an idx file");
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    boolean expected = buffer.getInt() == magic;
    long size = buffer.getInt();
    for (int side : inner) {
      expected &= buffer.getInt() == side;
      size *= side;
    }
    if (!expected || size != bytes.length - header) {
      throw new IOException(file + " is not a whole idx file of " + SIDE + " x " + SIDE + " bytes");
    }
    return Arrays.copyOfRange(bytes, header, bytes.length);
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int length() {
    return AREA;
  }

  @Override
  public int label(int example) {
    return labels[example];
  }

  /** A picture, ink in white. */
  BufferedImage image(int example) {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_BYTE_GRAY);
    byte[] own = Arrays.copyOfRange(pixels, example * AREA, (example + 1) * AREA);
    image.getRaster().setDataElements(0, 0, SIDE, SIDE, own);
    return image;
  }

  @Override
  public void copy(int example, float[] to, int from) {
    for (int i = 0; i < AREA; i++) {
      to[from + i] = (pixels[example * AREA + i] & 255) / 255f;
    }
  }
}
