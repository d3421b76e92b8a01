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
 * number everywhere, or names, which are numbered in their order.
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
      given.put(line.substring(0, tab).replace('\\', '/'), line.substring(tab + 1).strip());
    }
    boolean numbers = given.values().stream().allMatch(label -> label.matches("\\d{1,9}"));
    List<String> names = List.copyOf(new TreeSet<>(given.values()));
    Map<Path, Integer> labels = new TreeMap<>();
    for (Path file : files) {
      Path relative = Files.isDirectory(data) ? data.relativize(file) : file.getFileName();
      String label = given.get(relative.toString().replace('\\', '/'));
      if (label == null) {
        throw new IllegalArgumentException(labelFile + ": no label for " + relative);
      }
      labels.put(file, numbers ? Integer.parseInt(label) : names.indexOf(label));
    }
    return labels;
  }
}
