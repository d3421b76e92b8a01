package io.github.demitasse.benchmarks.ocr;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Confined to one thread: pictures of words and pages, the same for the same seed wherever the
 * fonts are installed: several fonts, sizes and colours, slightly turned, with noise.
 */
final class TextImages {
  /** By name, so that the set does not depend on what a machine has besides. */
  private static final List<String> FONTS =
      List.of(
          "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "Liberation Sans", "Liberation Serif");

  private static final int LINE_HEIGHT = 48;

  /** Words of which set: no word is in both. */
  enum Set {
    CALIBRATION(11),
    TEST(12);

    private final long seed;

    Set(long seed) {
      this.seed = seed;
    }

    long seed() {
      return seed;
    }

    /** A fifth of the list calibrates. */
    List<String> words() {
      List<String> all = allWords();
      int cut = all.size() / 5;
      return this == CALIBRATION ? all.subList(0, cut) : all.subList(cut, all.size());
    }
  }

  /** A line of text, {@value #LINE_HEIGHT} pixels high. */
  record Line(BufferedImage image, String text) {}

  /** Lines of text at these places. */
  record Page(BufferedImage image, List<Rectangle> lines) {}

  private final Random random;
  private final List<String> words;

  TextImages(Set set) {
    this(set, set.seed);
  }

  /** The words of a set, rendered in another way. */
  TextImages(Set set, long seed) {
    random = new Random(seed);
    words = set.words();
    for (String font : FONTS) {
      if (!new Font(font, Font.PLAIN, 12).getFamily().equals(font)) {
        throw new IllegalStateException(
            "the font '" + font + "' is missing: install fonts-dejavu and fonts-liberation");
      }
    }
  }

  private static List<String> allWords() {
    try (InputStream file = TextImages.class.getResourceAsStream("words.txt")) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private String text() {
    int kind = random.nextInt(10);
    String word = words.get(random.nextInt(words.size()));
    if (kind < 5) {
      return kind == 0 ? Character.toUpperCase(word.charAt(0)) + word.substring(1) : word;
    }
    if (kind < 8) {
      return word + " " + words.get(random.nextInt(words.size()));
    }
    return kind == 8
        ? word + " " + (10 + random.nextInt(990))
        : String.valueOf(random.nextInt(1 << 20));
  }

  private Font font(int least, int range) {
    int style = random.nextInt(4) == 0 ? Font.BOLD : Font.PLAIN;
    return new Font(FONTS.get(random.nextInt(FONTS.size())), style, least + random.nextInt(range));
  }

  /** A dark colour, or a light one. */
  private Color color(boolean dark) {
    int base = dark ? 0 : 170;
    return new Color(
        base + random.nextInt(85), base + random.nextInt(85), base + random.nextInt(85));
  }

  private static Graphics2D graphics(BufferedImage image, Color paper) {
    Graphics2D graphics = image.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(paper);
    graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
    return graphics;
  }

  private static FontMetrics metrics(Font font) {
    Graphics2D graphics = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
    FontMetrics metrics = graphics.getFontMetrics(font);
    graphics.dispose();
    return metrics;
  }

  Line line() {
    String text = text();
    Font font = font(24, 11);
    FontMetrics metrics = metrics(font);
    int width = metrics.stringWidth(text) + 12 + random.nextInt(12);
    boolean dark = random.nextInt(5) > 0;
    BufferedImage image = new BufferedImage(width, LINE_HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = graphics(image, color(!dark));
    double most = Math.min(0.05, 4.0 / width); // so that the ends stay within the line
    double angle = (2 * random.nextDouble() - 1) * most;
    graphics.transform(AffineTransform.getRotateInstance(angle, width / 2.0, LINE_HEIGHT / 2.0));
    graphics.setColor(color(dark));
    graphics.setFont(font);
    int baseline = (LINE_HEIGHT + metrics.getAscent() - metrics.getDescent()) / 2;
    graphics.drawString(text, 6 + random.nextInt(4), baseline);
    graphics.dispose();
    addNoise(image, random.nextDouble() * 14);
    return new Line(image, text);
  }

  Page page(int size) {
    BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = graphics(image, color(false));
    List<Rectangle> lines = new ArrayList<>();
    for (int top = 24; top < size - 60; top += 56 + random.nextInt(40)) {
      Font font = font(20, 17);
      FontMetrics metrics = metrics(font);
      String text = text();
      int room = size - metrics.stringWidth(text) - 40;
      if (room < 1) {
        continue;
      }
      int left = 20 + random.nextInt(room);
      graphics.setColor(color(true));
      graphics.setFont(font);
      graphics.drawString(text, left, top + metrics.getAscent());
      lines.add(
          new Rectangle(
              left, top, metrics.stringWidth(text), metrics.getAscent() + metrics.getDescent()));
    }
    graphics.dispose();
    addNoise(image, random.nextDouble() * 10);
    return new Page(image, lines);
  }

  private void addNoise(BufferedImage image, double deviation) {
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        int pixel = image.getRGB(x, y);
        int noisy = 0;
        for (int shift = 0; shift <= 16; shift += 8) {
          long value = Math.round((pixel >> shift & 255) + deviation * random.nextGaussian());
          noisy |= (int) Math.max(0, Math.min(255, value)) << shift;
        }
        image.setRGB(x, y, noisy);
      }
    }
  }

  /** The image standing on its head. */
  static BufferedImage turned(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    BufferedImage result = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        result.setRGB(width - 1 - x, height - 1 - y, image.getRGB(x, y));
      }
    }
    return result;
  }
}
