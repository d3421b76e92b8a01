package io.github.demitasse.format;

import io.github.demitasse.Model;
import io.github.demitasse.format.onnx.OnnxReader;
import java.nio.file.Path;

/** Thread-safe: finds the format of a file and calls its reader or writer. */
public final class ModelFormats {
  private ModelFormats() {}

  public static Model read(Path file) {
    return OnnxReader.read(file);
  }

  public static void write(Model model, Path file) {
    throw new UnsupportedOperationException("no model format can be written yet: " + file);
  }
}
