package io.github.demitasse.cli.data;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Thread-safe: text files: one sentence a line, or pairs with a score (sentence, tab, sentence,
 * tab, number). UTF-8, no header; empty lines are passed over.
 */
public final class TextFile {
  private TextFile() {}

  /**
   * Immutable: one line.
   *
   * @param sentences one, or the two of a pair
   * @param score how similar people found the pair; null for a single sentence
   */
  public record Line(List<String> sentences, Double score) {}

  /**
   * The lines of a file: all of them pairs, or none.
   *
   * @throws IllegalArgumentException naming file and line number
   */
  public static List<Line> read(Path file) throws IOException {
    List<Line> lines = new ArrayList<>();
    int number = 0;
    try {
      for (String text : Files.readAllLines(file)) {
        number++;
        if (text.isBlank()) {
          continue;
        }
        Line line = line(text, file, number);
        if (!lines.isEmpty() && (line.score() == null) != (lines.get(0).score() == null)) {
          throw malformed(
              file, number, "sentence pairs with a score and single sentences in one file");
        }
        lines.add(line);
      }
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": not UTF-8 text", e);
    }
    if (lines.isEmpty()) {
      throw new IllegalArgumentException(file + ": no text");
    }
    return lines;
  }

  private static Line line(String text, Path file, int number) {
    String[] fields = text.split("\t", -1);
    if (fields.length == 1) {
      return new Line(List.of(text), null);
    }
    if (fields.length != 3) {
      throw malformed(
          file,
          number,
          "expected one sentence, or sentence TAB sentence TAB score; found "
              + fields.length
              + " fields");
    }
    if (fields[0].isBlank() || fields[1].isBlank()) {
      throw malformed(file, number, "an empty sentence");
    }
    return new Line(List.of(fields[0], fields[1]), score(fields[2], file, number));
  }

  private static double score(String text, Path file, int number) {
    try {
      double score = Double.parseDouble(text.trim());
      if (Double.isFinite(score)) {
        return score;
      }
    } catch (NumberFormatException notANumber) {
      throw malformed(file, number, "'" + text + "' is not a score");
    }
    throw malformed(file, number, "'" + text + "' is not a score");
  }

  private static IllegalArgumentException malformed(Path file, int number, String what) {
    return new IllegalArgumentException(file + ":" + number + ": " + what);
  }
}
