package io.github.demitasse.testing;

import io.github.demitasse.tensor.Tensor;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;

/**
 * The three PP-OCRv4 models, where {@code scripts/models ocr} has put them: the folder that the
 * system property {@code demitasse.models} names, or {@code models} of the checkout.
 */
public final class OcrModels {
  public static final String DIRECTION = "ch_ppocr_mobile_v2.0_cls_infer.onnx";
  public static final String RECOGNITION = "ch_PP-OCRv4_rec_infer.onnx";
  public static final String DETECTION = "ch_PP-OCRv4_det_infer.onnx";

  private OcrModels() {}

  /** The model's file; the test is skipped, saying why, where it is absent. */
  public static Path file(String name) {
    Path file = Path.of(System.getProperty("demitasse.models", "../../models"), name);
    Assumptions.assumeTrue(
        Files.isRegularFile(file),
        () -> "no " + file.toAbsolutePath().normalize() + "; get it with 'scripts/models ocr'");
    return file;
  }

  /**
   * A batch of pictures of strokes in rows, as text looks from afar, with some noise; scaled to
   * [-1, 1].
   */
  public static Tensor images(int batch, int height, int width) {
    Random random = new Random(batch * 1000L + width);
    float[] values = new float[batch * 3 * height * width];
    for (int image = 0; image < batch; image++) {
      BufferedImage picture = strokes(height, width, random);
      for (int i = 0; i < 3 * height * width; i++) {
        int y = i / width % height;
        int channel = picture.getRGB(i % width, y) >> (8 * (i / (height * width))) & 0xff;
        double noise = 0.05 * random.nextGaussian();
        values[image * 3 * height * width + i] = (float) (channel / 127.5 - 1 + noise);
      }
    }
    return Tensor.of(values, batch, 3, height, width);
  }

  private static BufferedImage strokes(int height, int width, Random random) {
    BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = picture.createGraphics();
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, width, height);
    graphics.setColor(new Color(20, 40, 60));
    graphics.setStroke(new BasicStroke(3));
    for (int top = 10; top + 28 <= height; top += 45) {
      for (int left = 12; left + 16 < width - 10; left += 20) {
        int x = left + random.nextInt(12);
        int y = top + random.nextInt(20);
        graphics.drawLine(left, top, left, top + 26);
        graphics.drawLine(left, y, x + 2, top + random.nextInt(26));
        graphics.drawOval(left, top + random.nextInt(12), 12, 12);
      }
    }
    graphics.dispose();
    return picture;
  }
}
