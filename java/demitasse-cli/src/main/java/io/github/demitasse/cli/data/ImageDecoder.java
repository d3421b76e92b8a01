package io.github.demitasse.cli.data;

import io.github.demitasse.cli.data.ImagePreprocessing.Channels;
import io.github.demitasse.cli.data.ImagePreprocessing.Layout;
import io.github.demitasse.cli.data.ImagePreprocessing.Size;
import io.github.demitasse.tensor.Tensor;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Path;
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
    int height = image.getHeight();
    int width = image.getWidth();
    Size resized = preprocessing.resize() == null ? null : preprocessing.resize().of(height, width);
    requireFewPixels(resized, "after resizing ");
    return sample(image, resized);
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
        requireFewPixels(new Size(reader.getHeight(0), reader.getWidth(0)), "");
        return reader.read(0);
      } finally {
        reader.dispose();
      }
    }
  }

  private void requireFewPixels(Size size, String when) throws BrokenImageException {
    if (size != null && (long) size.height() * size.width() > mostPixels) {
      throw new BrokenImageException(
          when
              + size.width()
              + " x "
              + size.height()
              + " pixels are more than --max-pixels "
              + mostPixels,
          null);
    }
  }

  private Tensor sample(BufferedImage image, Size resized) {
    int height = image.getHeight();
    int width = image.getWidth();
    float[][] planes = planes(image, preprocessing.channels());
    if (resized != null) {
      for (int c = 0; c < planes.length; c++) {
        planes[c] = resize(planes[c], height, width, resized);
      }
      height = resized.height();
      width = resized.width();
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
    int width = image.getWidth();
    int height = image.getHeight();
    float[][] planes = new float[channels.count()][Math.multiplyExact(width, height)];
    int[] row = new int[width];
    boolean gray = isGray(image);
    for (int y = 0; y < height; y++) {
      if (gray) {
        grayRow(image, y, row);
      } else {
        image.getRGB(0, y, width, 1, row, 0, width);
      }
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

  /** True where samples are shades of gray, not entries of a palette. */
  private static boolean isGray(BufferedImage image) {
    ColorModel colors = image.getColorModel();
    return colors instanceof ComponentColorModel
        && colors.getColorSpace().getType() == ColorSpace.TYPE_GRAY;
  }

  /** A row of gray as files store it; getRGB takes gray for linear light and brightens it. */
  private static void grayRow(BufferedImage image, int y, int[] row) {
    ColorModel colors = image.getColorModel();
    Raster raster = image.getRaster();
    int most = (1 << colors.getComponentSize(0)) - 1;
    for (int x = 0; x < row.length; x++) {
      int shade = Math.round(255f * raster.getSample(x, y, 0) / most);
      int alpha = 255;
      if (colors.hasAlpha()) {
        alpha = Math.round(255f * raster.getSample(x, y, 1) / most);
      }
      row[x] = alpha << 24 | shade << 16 | shade << 8 | shade;
    }
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

  /** First along the axis that leaves fewer pixels: never more than the larger of both sizes. */
  private static float[] resize(float[] plane, int height, int width, Size size) {
    return (long) height * size.width() <= (long) size.height() * width
        ? vertically(
            horizontally(plane, height, width, size.width()), height, size.width(), size.height())
        : horizontally(
            vertically(plane, height, width, size.height()), size.height(), width, size.width());
  }

  private static float[] horizontally(float[] plane, int height, int width, int newWidth) {
    float[] result = new float[Math.multiplyExact(height, newWidth)];
    resample(plane, result, height, width, newWidth, width, 1, newWidth, 1);
    return result;
  }

  private static float[] vertically(float[] plane, int height, int width, int newHeight) {
    float[] result = new float[Math.multiplyExact(newHeight, width)];
    resample(plane, result, width, height, newHeight, 1, width, 1, width);
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
