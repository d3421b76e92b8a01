package io.github.demitasse.benchmarks.ocr;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.tensor.Tensor;
import java.awt.Rectangle;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OcrMeasuresTest {

  private static Tensor steps(int classes, int... best) {
    float[] scores = new float[best.length * classes];
    for (int i = 0; i < best.length; i++) {
      scores[i * classes + best[i]] = 1;
    }
    return Tensor.of(scores, 1, best.length, classes);
  }

  @Test
  void repetitionsAreOneCharacterUnlessABlankIsBetween() {
    CharacterDecoder decoder = CharacterDecoder.of(List.of("a", "b"));
    assertEquals("aab b", decoder.decode(steps(4, 0, 1, 1, 0, 1, 2, 2, 3, 0, 2, 0)));
    assertEquals("", decoder.decode(steps(4, 0, 0)));
    assertThrows(IllegalArgumentException.class, () -> decoder.decode(steps(5, 1)));
  }

  @Test
  void distances() {
    assertEquals(3, CharacterDecoder.distance("kitten", "sitting"));
    assertEquals(4, CharacterDecoder.distance("", "four"));
    assertEquals(0, CharacterDecoder.distance("same", "same"));
  }

  @Test
  void boxesAreFoundAndGrown() {
    float[] map = new float[40 * 60];
    for (int y = 10; y < 18; y++) {
      for (int x = 12; x < 42; x++) {
        map[y * 60 + x] = 0.9f;
      }
    }
    map[35 * 60 + 5] = 1; // a speck
    List<Rectangle> boxes = TextBoxes.of(Tensor.of(map, 1, 1, 40, 60));
    // 1.5 * 240 / 76 = 4.7
    assertEquals(List.of(new Rectangle(7, 5, 40, 18)), boxes);
  }

  @Test
  void overlapsCountWhatIsMissedAndWhatIsTooMuch() {
    Rectangle a = new Rectangle(0, 0, 10, 10);
    Rectangle b = new Rectangle(5, 0, 10, 10);
    Rectangle far = new Rectangle(100, 0, 10, 10);
    assertEquals(1.0 / 3, TextBoxes.overlap(a, b), 1e-12);
    assertEquals(List.of(1.0), TextBoxes.overlaps(List.of(a), List.of(a)));
    assertEquals(List.of(1.0, 0.0), TextBoxes.overlaps(List.of(a, far), List.of(a)));
    assertEquals(List.of(1.0, 0.0), TextBoxes.overlaps(List.of(a), List.of(a, far)));
  }

  @Test
  void noWordOfTheTestCalibrates() {
    Set<String> words = new HashSet<>(TextImages.Set.TEST.words());
    assertTrue(words.size() > 300);
    TextImages.Set.CALIBRATION.words().forEach(word -> assertTrue(words.add(word), word));
  }
}
