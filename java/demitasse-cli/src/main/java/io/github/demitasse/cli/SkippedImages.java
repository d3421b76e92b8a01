package io.github.demitasse.cli;

import io.github.demitasse.cli.data.ImageFolder;
import java.util.Map;

/** Says which images a command has gone on without. */
final class SkippedImages {
  private SkippedImages() {}

  /** Names them on standard error, and their number in the result. */
  static void report(ImageFolder images, Map<String, Object> result, Output output) {
    images.broken().forEach((file, reason) -> output.note("skipped " + file + ": " + reason));
    if (!images.broken().isEmpty()) {
      result.put("skipped", images.broken().size());
    }
  }
}
