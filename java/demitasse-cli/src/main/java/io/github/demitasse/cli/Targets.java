package io.github.demitasse.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Thread-safe: checks files to be written before long work begins. */
final class Targets {
  private Targets() {}

  /**
   * Makes sure that {@code target} can be written and is none of the {@code inputs}.
   *
   * @throws IllegalArgumentException saying what is wrong
   */
  static void check(Path target, Path... inputs) throws IOException {
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new IllegalArgumentException(target + ": the folder " + folder + " does not exist");
    }
    if (!Files.isWritable(folder)) {
      throw new IllegalArgumentException(target + ": the folder " + folder + " is not writable");
    }
    if (Files.isDirectory(target)) {
      throw new IllegalArgumentException(target + " is a folder");
    }
    for (Path input : inputs) {
      if (Files.exists(target) && Files.exists(input) && Files.isSameFile(target, input)) {
        throw new IllegalArgumentException(target + " is also the input; name another file");
      }
    }
  }
}
