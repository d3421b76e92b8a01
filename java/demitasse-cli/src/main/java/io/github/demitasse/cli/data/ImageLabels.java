package io.github.demitasse.cli.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Thread-safe: a file of labels: lines of an image's path within its folder, a tab and its label: a
 * number everywhere, or names, which are numbered in their order. Lines of other images are passed
 * over, so that one file serves several folders.
 */
final class ImageLabels {
  private ImageLabels() {}

  /**
   * The label of each file.
   *
   * @throws IllegalArgumentException for a line that is none, or an image without one
   */
  static Map<Path, Integer> read(Path labelFile, Path data, List<Path> files) throws IOException {
    Map<String, String> given = new HashMap<>();
    int number = 0;
    for (String line : Files.readAllLines(labelFile)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      int tab = line.lastIndexOf('\t');
      if (tab < 1 || tab == line.length() - 1) {
        throw new IllegalArgumentException(
            labelFile + ":" + number + ": expected image TAB label, found '" + line + "'");
      }
      String image = line.substring(0, tab).replace('\\', '/');
      String label = line.substring(tab + 1).strip();
      String other = given.put(image, label);
      if (other != null && !other.equals(label)) {
        throw new IllegalArgumentException(
            labelFile + ":" + number + ": " + image + " is " + label + ", and was " + other);
      }
    }
    boolean numbers = given.values().stream().allMatch(label -> label.matches("\\d{1,9}"));
    List<String> names = List.copyOf(new TreeSet<>(given.values()));
    Map<Path, Integer> labels = new TreeMap<>();
    for (Path file : files) {
      Path relative = Files.isDirectory(data) ? data.relativize(file) : file.getFileName();
      String label = given.get(relative.toString().replace('\\', '/'));
      if (label == null) {
        throw new IllegalArgumentException(
            labelFile
                + ": no label for "
                + relative
                + "; a line is the image's path within "
                + data
                + ", TAB, its label");
      }
      labels.put(file, numbers ? Integer.parseInt(label) : names.indexOf(label));
    }
    return labels;
  }
}
