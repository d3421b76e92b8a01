package io.github.demitasse;

import java.nio.file.Path;

/**
 * Immutable: a file is not what it should be. Says which file, where in it, and what was expected.
 */
public class ModelFormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Path file;
  private final long offset;

  /**
   * @param file null when the content did not come from a file
   * @param offset byte offset in the file, or -1 when the fault is not at one place
   */
  public ModelFormatException(Path file, long offset, String message, Throwable cause) {
    super(
        (file == null ? "" : file + ": ")
            + (offset < 0 ? "" : "at byte " + offset + ": ")
            + message,
        cause);
    this.file = file;
    this.offset = offset;
  }

  public ModelFormatException(Path file, long offset, String message) {
    this(file, offset, message, null);
  }

  public Path file() {
    return file;
  }

  public long offset() {
    return offset;
  }
}
