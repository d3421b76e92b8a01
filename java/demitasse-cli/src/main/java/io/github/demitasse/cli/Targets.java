package io.github.demitasse.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Thread-safe: checks files to be written before long work begins. */
final class Targets {
  private Targets() {}

  /**
   * Makes sure that {@code target} can be written and is none of the {@code others}.
   *
   * @throws IllegalArgumentException saying what is wrong
   */
  static void check(Path target, Path... others) throws IOException {
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
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new IllegalArgumentException(target + " is not a regular file");
    }
    for (Path other : others) {
      if (same(target, other)) {
        throw new IllegalArgumentException(
            target + " is also another file of this command; choose another name");
      }
    }
  }

  private static boolean same(Path target, Path other) throws IOException {
    return target.toAbsolutePath().normalize().equals(other.toAbsolutePath().normalize())
        || (Files.exists(target) && Files.exists(other) && Files.isSameFile(target, other));
  }
}
