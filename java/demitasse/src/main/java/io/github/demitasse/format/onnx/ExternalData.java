package io.github.demitasse.format.onnx;

import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.MappedFile;
import io.github.demitasse.format.onnx.proto.StringStringEntryProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Not thread-safe: finds the bytes of tensors that an ONNX model keeps in files beside it. Only
 * files inside the model's own folder are read, whatever a location or a symbolic link says.
 */
final class ExternalData implements AutoCloseable {
  private final Path modelFile;
  private final Map<String, MappedFile> files = new HashMap<>();

  /**
   * @param modelFile null when the model did not come from a file: then external data is an error
   */
  ExternalData(Path modelFile) {
    this.modelFile = modelFile;
  }

  /** The {@code expected} bytes of a tensor whose data location is external. */
  ByteBuffer read(TensorProto proto, long expected) {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : proto.getExternalDataList()) {
      entries.put(entry.getKey(), entry.getValue());
    }
    String location = entries.get("location");
    if (location == null || location.isEmpty()) {
      throw broken(proto, "has external data without a location");
    }
    long offset = number(proto, entries, "offset", 0);
    long length = number(proto, entries, "length", expected);
    if (length != expected) {
      throw broken(proto, "needs " + expected + " bytes, its external data has " + length);
    }
    MappedFile file = files.get(location);
    if (file == null) {
      file = MappedFile.open(resolve(proto, location));
      files.put(location, file);
    }
    return file.slice(offset, length);
  }

  private long number(TensorProto proto, Map<String, String> entries, String key, long otherwise) {
    String text = entries.get(key);
    if (text == null) {
      return otherwise;
    }
    try {
      long value = Long.parseLong(text);
      if (value >= 0) {
        return value;
      }
    } catch (NumberFormatException notANumber) {
      throw broken(proto, "has external data with the " + key + " '" + text + "'");
    }
    throw broken(proto, "has external data with the " + key + " '" + text + "'");
  }

  private Path resolve(TensorProto proto, String location) {
    if (modelFile == null) {
      throw broken(proto, "has external data, but the model was not read from a file");
    }
    try {
      Path folder = modelFile.toAbsolutePath().getParent();
      Path target = folder.resolve(location).normalize();
      if (Path.of(location).isAbsolute() || !target.startsWith(folder.normalize())) {
        throw broken(proto, "has external data outside the model's folder: '" + location + "'");
      }
      if (!Files.isRegularFile(target)) {
        throw broken(proto, "has external data in '" + location + "', which is missing");
      }
      Path real = target.toRealPath();
      if (!real.startsWith(folder.toRealPath())) {
        throw broken(
            proto, "has external data in '" + location + "', a link out of the model's folder");
      }
      return real;
    } catch (InvalidPathException invalid) {
      throw broken(proto, "has external data with the location '" + location + "'");
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private ModelFormatException broken(TensorProto proto, String message) {
    return new ModelFormatException(modelFile, -1, "tensor '" + proto.getName() + "' " + message);
  }

  @Override
  public void close() {
    files.values().forEach(MappedFile::close);
  }
}
