package io.github.demitasse.benchmarks.ocr;

import io.github.demitasse.tensor.Tensor;
import java.awt.Rectangle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Thread-safe: upright boxes around text from a map of probabilities, as differentiable
 * binarization (Liao et al. 2020) makes them: connected pixels above a threshold, those whose mean
 * is sure enough, grown by what the map shrinks text.
 */
final class TextBoxes {
  private static final float THRESHOLD = 0.3f;
  private static final float SURE = 0.6f;
  private static final double GROWTH = 1.5;
  private static final int SMALLEST = 3;

  private TextBoxes() {}

  /** The boxes of a map [1][1][height][width]. */
  static List<Rectangle> of(Tensor map) {
    int height = (int) map.dimension(-2);
    int width = (int) map.dimension(-1);
    float[] values = map.toFloats();
    boolean[] seen = new boolean[values.length];
    List<Rectangle> boxes = new ArrayList<>();
    for (int start = 0; start < values.length; start++) {
      if (!seen[start] && values[start] > THRESHOLD) {
        Rectangle box = region(values, seen, start, height, width);
        boolean large = Math.min(box.width, box.height) >= SMALLEST;
        if (large && mean(values, box, width) > SURE) {
          boxes.add(grown(box).intersection(new Rectangle(width, height)));
        }
      }
    }
    return boxes;
  }

  /** The bounds of the pixels that hang together with the first. */
  private static Rectangle region(
      float[] values, boolean[] seen, int start, int height, int width) {
    Rectangle box = new Rectangle(start % width, start / width, 1, 1);
    Deque<Integer> open = new ArrayDeque<>(List.of(start));
    seen[start] = true;
    while (!open.isEmpty()) {
      int at = open.remove();
      int x = at % width;
      int y = at / width;
      box.add(new Rectangle(x, y, 1, 1));
      for (int dy = -1; dy <= 1; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
          boolean inside = x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height;
          int next = at + dy * width + dx;
          if (inside && !seen[next] && values[next] > THRESHOLD) {
            seen[next] = true;
            open.add(next);
          }
        }
      }
    }
    return box;
  }

  private static double mean(float[] values, Rectangle box, int width) {
    double sum = 0;
    for (int y = box.y; y < box.y + box.height; y++) {
      for (int x = box.x; x < box.x + box.width; x++) {
        sum += values[y * width + x];
      }
    }
    return sum / ((double) box.width * box.height);
  }

  private static Rectangle grown(Rectangle box) {
    double area = (double) box.width * box.height;
    int by = (int) Math.round(GROWTH * area / (2.0 * (box.width + box.height)));
    Rectangle grown = new Rectangle(box);
    grown.grow(by, by);
    return grown;
  }

  /** Intersection over union. */
  static double overlap(Rectangle a, Rectangle b) {
    Rectangle both = a.intersection(b);
    if (both.isEmpty()) {
      return 0;
    }
    double common = (double) both.width * both.height;
    return common / ((double) a.width * a.height + (double) b.width * b.height - common);
  }

  /**
   * For each expected box the overlap with the best found one, and 0 for each found one that is the
   * best of none.
   */
  static List<Double> overlaps(List<Rectangle> expected, List<Rectangle> found) {
    List<Double> overlaps = new ArrayList<>();
    List<Rectangle> left = new ArrayList<>(found);
    for (Rectangle box : expected) {
      Rectangle best = null;
      for (Rectangle other : found) {
        best = best == null || overlap(box, other) > overlap(box, best) ? other : best;
      }
      overlaps.add(best == null ? 0 : overlap(box, best));
      if (best != null && overlap(box, best) > 0) {
        left.remove(best);
      }
    }
    left.forEach(box -> overlaps.add(0.0));
    return overlaps;
  }
}
