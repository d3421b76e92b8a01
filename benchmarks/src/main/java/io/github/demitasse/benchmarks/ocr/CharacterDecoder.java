package io.github.demitasse.benchmarks.ocr;

import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Immutable and thread-safe: greedy decoding of connectionist temporal classification (Graves et
 * al. 2006): the likeliest class of each step, repetitions taken together, blanks left out.
 */
final class CharacterDecoder {
  private final List<String> characters;

  private CharacterDecoder(List<String> characters) {
    this.characters = characters;
  }

  /** Class 0 is the blank, then come the lines of the file, last the space. */
  static CharacterDecoder read(Path keys) throws IOException {
    return of(Files.readAllLines(keys));
  }

  static CharacterDecoder of(List<String> keys) {
    List<String> characters = new ArrayList<>();
    characters.add("");
    characters.addAll(keys);
    characters.add(" ");
    return new CharacterDecoder(characters);
  }

  /**
   * The text of scores [1][steps][classes].
   *
   * @throws IllegalArgumentException for another number of classes than there are characters
   */
  String decode(Tensor scores) {
    int classes = (int) scores.dimension(-1);
    if (classes != characters.size()) {
      throw new IllegalArgumentException(
          scores + " does not fit " + characters.size() + " characters");
    }
    float[] values = scores.toFloats();
    StringBuilder text = new StringBuilder();
    int previous = 0;
    for (int step = 0; step < values.length / classes; step++) {
      int best = 0;
      for (int i = 1; i < classes; i++) {
        best = values[step * classes + i] > values[step * classes + best] ? i : best;
      }
      if (best != previous) {
        text.append(characters.get(best));
      }
      previous = best;
    }
    return text.toString();
  }

  /** The least number of characters to insert, remove or replace (Levenshtein 1966). */
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
