package io.github.demitasse.benchmarks.ocr;

import io.github.demitasse.tensor.Tensor;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;

/** Thread-safe: images as the PP-OCRv4 models take them: [1][blue, green, red][height][width]. */
final class OcrInputs {
  private static final double[] MEAN = {0.485, 0.456, 0.406};
  private static final double[] DEVIATION = {0.229, 0.224, 0.225};

  private OcrInputs() {}

  /** A line from -1 to 1, narrower ones with zeros behind them, wider ones squeezed. */
  static Tensor line(BufferedImage image, int width) {
    int height = image.getHeight();
    BufferedImage fitted = image.getWidth() <= width ? image : squeezed(image, width);
    float[] values = new float[3 * height * width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < fitted.getWidth(); x++) {
        int pixel = fitted.getRGB(x, y);
        for (int channel = 0; channel < 3; channel++) {
          values[(channel * height + y) * width + x] = (pixel >> 8 * channel & 255) / 127.5f - 1;
        }
      }
    }
    return Tensor.of(values, 1, 3, height, width);
  }

  private static BufferedImage squeezed(BufferedImage image, int width) {
    BufferedImage result = new BufferedImage(width, image.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = result.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    graphics.drawImage(image, 0, 0, width, image.getHeight(), null);
    graphics.dispose();
    return result;
  }

  /** A page normalized as the detection model was trained. */
  static Tensor page(BufferedImage image) {
    int height = image.getHeight();
    int width = image.getWidth();
    float[] values = new float[3 * height * width];
    for (int channel = 0; channel < 3; channel++) {
      for (int i = 0; i < height * width; i++) {
        int value = image.getRGB(i % width, i / width) >> 8 * channel & 255;
        values[channel * height * width + i] =
            (float) ((value / 255.0 - MEAN[channel]) / DEVIATION[channel]);
      }
    }
    return Tensor.of(values, 1, 3, height, width);
  }
}
