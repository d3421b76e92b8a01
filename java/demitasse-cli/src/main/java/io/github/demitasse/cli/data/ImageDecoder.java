package io.github.demitasse.cli.data;

import io.github.demitasse.cli.data.ImagePreprocessing.Channels;
import io.github.demitasse.cli.data.ImagePreprocessing.Layout;
import io.github.demitasse.cli.data.ImagePreprocessing.Size;
import io.github.demitasse.tensor.Tensor;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/**
 * Thread-safe: image files as samples. Transparent parts are taken as white.
 *
 * <p>Shrinking averages all pixels that fall under a new one (a triangle filter as wide as the
 * step, as Pillow's bilinear resampling), enlarging interpolates linearly.
 */
final class ImageDecoder {
  private final ImagePreprocessing preprocessing;
  private final long mostPixels;

  ImageDecoder(ImagePreprocessing preprocessing, long mostPixels) {
    this.preprocessing = preprocessing;
    this.mostPixels = mostPixels;
  }

  ImagePreprocessing preprocessing() {
    return preprocessing;
  }

  /** Says why a file gives no sample. */
  static final class BrokenImageException extends Exception {
    private static final long serialVersionUID = 1;

    BrokenImageException(String reason, Throwable cause) {
      super(reason, cause);
    }
  }

  /** The sample: [1, channels, height, width] or [1, height, width, channels]. */
  Tensor decode(Path file) throws BrokenImageException {
    BufferedImage image;
    try {
      image = read(file);
    } catch (IOException | RuntimeException broken) { // readers throw all kinds at damaged files
      throw new BrokenImageException(String.valueOf(broken.getMessage()), broken);
    }
    return sample(image);
  }

  private BufferedImage read(Path file) throws IOException, BrokenImageException {
    try (ImageInputStream stream = ImageIO.createImageInputStream(file.toFile())) {
      Iterator<ImageReader> readers = stream == null ? null : ImageIO.getImageReaders(stream);
      if (readers == null || !readers.hasNext()) {
        throw new BrokenImageException("not an image of a known kind", null);
      }
      ImageReader reader = readers.next();
      try {
        reader.setInput(stream, true, true);
        // What the header says, before memory is taken for it.
        long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
        if (pixels > mostPixels) {
          throw new BrokenImageException(
              reader.getWidth(0)
                  + " x "
                  + reader.getHeight(0)
                  + " pixels are more than --max-pixels "
                  + mostPixels,
              null);
        }
        return reader.read(0);
      } finally {
        reader.dispose();
      }
    }
  }

  private Tensor sample(BufferedImage image) {
    int height = image.getHeight();
    int width = image.getWidth();
    float[][] planes = planes(image, preprocessing.channels());
    if (preprocessing.resize() != null) {
      Size size = preprocessing.resize().of(height, width);
      for (int c = 0; c < planes.length; c++) {
        planes[c] = resize(planes[c], height, width, size);
      }
      height = size.height();
      width = size.width();
    }
    Size crop = preprocessing.crop() == null ? new Size(height, width) : preprocessing.crop();
    return cropped(planes, height, width, crop);
  }

  /** The middle of the planes, normalized; where they are smaller, black around them. */
  private Tensor cropped(float[][] planes, int height, int width, Size crop) {
    int channels = planes.length;
    boolean channelsLast = preprocessing.layout() == Layout.NHWC;
    int area = Math.multiplyExact(crop.height(), crop.width());
    float[] values = new float[Math.multiplyExact(area, channels)];
    int top = Math.floorDiv(height - crop.height(), 2);
    int left = Math.floorDiv(width - crop.width(), 2);
    double scale = preprocessing.scale();
    for (int c = 0; c < channels; c++) {
      double mean = preprocessing.mean().get(c);
      double deviation = preprocessing.deviation().get(c);
      for (int i = 0; i < area; i++) {
        int y = top + i / crop.width();
        int x = left + i % crop.width();
        boolean inside = y >= 0 && y < height && x >= 0 && x < width;
        double value = inside ? planes[c][y * width + x] : 0;
        int to = channelsLast ? i * channels + c : c * area + i;
        values[to] = (float) ((scale * value - mean) / deviation);
      }
    }
    return channelsLast
        ? Tensor.of(values, 1, crop.height(), crop.width(), channels)
        : Tensor.of(values, 1, channels, crop.height(), crop.width());
  }

  private static float[][] planes(BufferedImage image, Channels channels) {
    int area = Math.multiplyExact(image.getWidth(), image.getHeight());
    float[][] planes = new float[channels.count()][area];
    if (image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY) {
      float[] gray = grayPlane(image);
      Arrays.fill(planes, gray);
      return planes;
    }
    int width = image.getWidth();
    int[] row = new int[width];
    for (int y = 0; y < image.getHeight(); y++) {
      image.getRGB(0, y, width, 1, row, 0, width);
      for (int x = 0; x < width; x++) {
        float red = onWhite(row[x], 16);
        float green = onWhite(row[x], 8);
        float blue = onWhite(row[x], 0);
        int at = y * width + x;
        switch (channels) {
          case GRAY -> planes[0][at] = 0.299f * red + 0.587f * green + 0.114f * blue; // BT.601
          case BGR -> put(planes, at, blue, green, red);
          default -> put(planes, at, red, green, blue);
        }
      }
    }
    return planes;
  }

  /**
   * The values of a gray image as the file has them, 255 at most. Java takes them for linear light
   * and {@code getRGB} makes them brighter; elsewhere, and in what networks were trained on, they
   * are what colours of three equal parts are.
   */
  private static float[] grayPlane(BufferedImage image) {
    Raster raster = image.getRaster();
    int width = image.getWidth();
    boolean transparent = image.getColorModel().hasAlpha();
    float most = (1 << raster.getSampleModel().getSampleSize(0)) - 1;
    int[] row = new int[width];
    int[] alpha = new int[width];
    float[] plane = new float[width * image.getHeight()];
    for (int y = 0; y < image.getHeight(); y++) {
      raster.getSamples(0, y, width, 1, 0, row);
      if (transparent) {
        raster.getSamples(0, y, width, 1, 1, alpha);
      }
      for (int x = 0; x < width; x++) {
        float cover = transparent ? alpha[x] / most : 1;
        plane[y * width + x] = 255 * (cover * (row[x] / most) + 1 - cover);
      }
    }
    return plane;
  }

  private static void put(float[][] planes, int at, float first, float second, float third) {
    planes[0][at] = first;
    planes[1][at] = second;
    planes[2][at] = third;
  }

  private static float onWhite(int pixel, int shift) {
    float alpha = (pixel >>> 24) / 255f;
    return alpha * (pixel >> shift & 0xff) + 255 * (1 - alpha);
  }

  private static float[] resize(float[] plane, int height, int width, Size size) {
    float[] narrowed = new float[Math.multiplyExact(height, size.width())];
    resample(plane, narrowed, height, width, size.width(), width, 1, size.width(), 1);
    float[] result = new float[Math.multiplyExact(size.height(), size.width())];
    resample(
        narrowed, result, size.width(), height, size.height(), 1, size.width(), 1, size.width());
    return result;
  }

  /**
   * Resamples {@code lines} lines from {@code in} to {@code out} elements each; a line's elements
   * and the lines are so many floats apart in the source and in the target.
   */
  private static void resample(
      float[] from,
      float[] to,
      int lines,
      int in,
      int out,
      int fromLine,
      int fromStep,
      int toLine,
      int toStep) {
    double step = (double) in / out;
    double radius = Math.max(1, step);
    for (int o = 0; o < out; o++) {
      double center = (o + 0.5) * step - 0.5;
      int first = Math.max(0, (int) Math.ceil(center - radius));
      int last = Math.min(in - 1, (int) Math.floor(center + radius));
      float[] weights = new float[last - first + 1];
      double sum = 0;
      for (int i = first; i <= last; i++) {
        weights[i - first] = (float) Math.max(0, 1 - Math.abs(i - center) / radius);
        sum += weights[i - first];
      }
      for (int line = 0; line < lines; line++) {
        double value = 0;
        for (int i = first; i <= last; i++) {
          value += weights[i - first] * from[line * fromLine + i * fromStep];
        }
        to[line * toLine + o * toStep] = (float) (value / sum);
      }
    }
  }
}
