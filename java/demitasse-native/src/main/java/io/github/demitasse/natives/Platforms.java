package io.github.demitasse.natives;

import java.util.Locale;

/** Thread-safe: what platforms are called in the names of folders and classifiers. */
final class Platforms {
  private Platforms() {}

  /**
   * This platform, such as {@code linux-x86_64}: JavaCPP's name for it, and its property overrides
   * it.
   */
  static String current() {
    String given = System.getProperty("org.bytedeco.javacpp.platform");
    return given != null && !given.isEmpty()
        ? given
        : name(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  static String name(String system, String architecture) {
    String lower = system.toLowerCase(Locale.ROOT);
    String family =
        lower.startsWith("mac")
            ? "macosx"
            : lower.startsWith("windows") ? "windows" : lower.replace(" ", "");
    String machine =
        switch (architecture) {
          case "amd64", "x86_64", "x86-64" -> "x86_64";
          case "aarch64", "arm64" -> "arm64";
          default -> architecture;
        };
    return family + "-" + machine;
  }
}
