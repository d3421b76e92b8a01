package io.github.demitasse.format;

import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.dmt.DmtReader;
import io.github.demitasse.format.dmt.DmtWriter;
import io.github.demitasse.format.onnx.OnnxReader;
import io.github.demitasse.format.onnx.OnnxWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** Thread-safe: finds the format of a file and calls its reader or writer. */
public final class ModelFormats {
  private static final String DMT = ".dmt";
  private static final String ONNX = ".onnx";
  private static final int LONGEST_SIGNATURE = 12;

  private ModelFormats() {}

  /**
   * Reads a model; the format is told from the content, whatever the file is called.
   *
   * @throws ModelFormatException if the file is broken or of no known format
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static Model read(Path file) {
    byte[] start;
    try (MappedFile mapped = MappedFile.open(file)) {
      start = mapped.read(0, Math.min(LONGEST_SIGNATURE, mapped.size()));
    }
    if (start.length == 0) {
      throw new ModelFormatException(file, 0, "the file is empty");
    }
    start = Arrays.copyOf(start, LONGEST_SIGNATURE);
    if (looksLikeSafetensors(start)) {
      return DmtReader.read(file);
    }
    String other = otherFormat(start);
    if (other != null) {
      throw new ModelFormatException(
          file, 0, "this is " + other + "; models are read from .onnx and .dmt files");
    }
    return OnnxReader.read(file);
  }

  /**
   * Writes a model in the format that the name's ending says.
   *
   * @throws IllegalArgumentException if the ending is of no format that can be written
   * @throws java.io.UncheckedIOException if the file cannot be written; then it is left as it was
   */
  public static void write(Model model, Path file) {
    requireWritable(file);
    if (hasEnding(file, DMT)) {
      DmtWriter.write(model, file);
    } else {
      OnnxWriter.write(model, file);
    }
  }

  /**
   * Checks a file's name before there is anything to write.
   *
   * @throws IllegalArgumentException if the ending is of no format that can be written
   */
  public static void requireWritable(Path file) {
    if (!hasEnding(file, DMT) && !hasEnding(file, ONNX)) {
      throw new IllegalArgumentException(
          "cannot tell the format of '" + file + "': its name should end in .dmt or .onnx");
    }
  }

  private static boolean hasEnding(Path file, String ending) {
    Path name = file.getFileName();
    return name != null && name.toString().toLowerCase(Locale.ROOT).endsWith(ending);
  }

  /** A header length below 4 GiB, or an impossible one, and how the header begins. */
  private static boolean looksLikeSafetensors(byte[] start) {
    boolean length = start[4] == 0 && start[5] == 0 && start[6] == 0 && start[7] == 0;
    return start[8] == '{' && (length || start[9] == '"');
  }

  /** The name of a format that is something else, or null. */
  private static String otherFormat(byte[] start) {
    if (start[0] == 'G' && start[1] == 'G' && start[2] == 'U' && start[3] == 'F') {
      return "a GGUF file";
    } else if (start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4) {
      return "a ZIP archive (such as .npz or a PyTorch checkpoint)";
    } else if (start[0] == (byte) 0x93 && start[1] == 'N' && start[2] == 'U') {
      return "a NumPy array";
    } else if (start[1] == 'H' && start[2] == 'D' && start[3] == 'F') {
      return "an HDF5 file";
    } else if (start[4] == 'T' && start[5] == 'F' && start[6] == 'L' && start[7] == '3') {
      return "a TensorFlow Lite model";
    } else if (start[0] == '{') {
      return "JSON text";
    }
    return null;
  }
}
