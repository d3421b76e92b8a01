package io.github.demitasse.format.safetensors;

import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.JsonReader;
import io.github.demitasse.format.MappedFile;
import io.github.demitasse.format.TensorViews;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: an open safetensors file, mapped: 8 bytes of header length, a JSON header that names
 * the tensors, and their data without holes.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** Longer headers are rejected, as the format's own library does. */
  static final long LONGEST_HEADER = 100_000_000;

  /** The header's key of free text entries. */
  static final String METADATA = "__metadata__";

  private static final int LENGTH_BYTES = 8;

  /**
   * One tensor of the header.
   *
   * @param type safetensors' name of the element type
   * @param begin first byte, counted from the end of the header
   * @param end byte after the last
   */
  private record Entry(String name, String type, long[] shape, long begin, long end) {}

  private final MappedFile file;
  private final long dataStart;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<String, byte[]> metadata = new LinkedHashMap<>();

  private SafetensorsFile(MappedFile file) {
    this.file = file;
    if (file.size() < LENGTH_BYTES) {
      throw broken(0, "a safetensors file begins with 8 bytes of header length");
    }
    long length = littleEndian(file.read(0, LENGTH_BYTES));
    if (length < 2 || length > LONGEST_HEADER || length > file.size() - LENGTH_BYTES) {
      throw broken(
          0,
          "header length "
              + Long.toUnsignedString(length)
              + " in a file of "
              + file.size()
              + " bytes");
    }
    dataStart = LENGTH_BYTES + length;
    file.mapAhead();
    byte[] header = file.read(LENGTH_BYTES, length);
    try {
      parse(new JsonReader(header));
    } catch (IllegalArgumentException invalid) {
      throw broken(LENGTH_BYTES, "header: " + invalid.getMessage());
    }
    checkOffsets();
  }

  private static long littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /**
   * @throws ModelFormatException if the file is broken
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static SafetensorsFile open(Path path) {
    MappedFile file = MappedFile.open(path);
    try {
      return new SafetensorsFile(file);
    } catch (RuntimeException failed) {
      file.close();
      throw failed;
    }
  }

  /** All tensors of a file, except those of types that Demitasse does not know. */
  public static Map<String, Tensor> read(Path path) {
    try (SafetensorsFile file = open(path)) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (Entry entry : file.entries.values()) {
        if (SafetensorsTypes.type(entry.type) != null) {
          tensors.put(entry.name, file.tensor(entry.name));
        }
      }
      return tensors;
    }
  }

  /** The free text entry of this key as UTF-8, or null. */
  public byte[] metadata(String key) {
    return metadata.get(key);
  }

  /**
   * The tensor of this name: a view of the file where it is aligned.
   *
   * @throws ModelFormatException if there is none, or its type is not known
   */
  public Tensor tensor(String name) {
    Entry entry = entry(name);
    DataType type = SafetensorsTypes.type(entry.type);
    if (type == null) {
      throw broken(
          dataStart + entry.begin, "tensor '" + name + "' has the unknown type " + entry.type);
    }
    return tensor(name, type, entry.shape);
  }

  /**
   * The bytes of the tensor of this name under another type and shape.
   *
   * @throws ModelFormatException if there is none, or its bytes do not fit
   */
  public Tensor tensor(String name, DataType type, long[] shape) {
    Entry entry = entry(name);
    try {
      ByteBuffer bytes = file.slice(dataStart + entry.begin, entry.end - entry.begin);
      return TensorViews.viewOrCopy(type, bytes, shape);
    } catch (IllegalArgumentException invalid) {
      throw broken(dataStart + entry.begin, "tensor '" + name + "': " + invalid.getMessage());
    }
  }

  private Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw broken(LENGTH_BYTES, "there is no tensor '" + name + "'");
    }
    return entry;
  }

  private void parse(JsonReader json) {
    json.beginObject();
    while (json.hasNextMember()) {
      String name = json.nextName();
      if (name.equals(METADATA)) {
        parseMetadata(json);
      } else if (entries.put(name, parseEntry(json, name)) != null) {
        throw new IllegalArgumentException("tensor '" + name + "' is defined twice");
      }
    }
    json.end();
  }

  private void parseMetadata(JsonReader json) {
    json.beginObject();
    while (json.hasNextMember()) {
      String key = json.nextName();
      if (metadata.put(key, json.nextBytes()) != null) {
        throw new IllegalArgumentException("metadata '" + key + "' is given twice");
      }
    }
  }

  private static Entry parseEntry(JsonReader json, String name) {
    String type = null;
    long[] shape = null;
    long[] offsets = null;
    json.beginObject();
    while (json.hasNextMember()) {
      switch (json.nextName()) {
        case "dtype" -> type = json.nextString();
        case "shape" -> shape = json.nextLongs();
        case "data_offsets" -> offsets = json.nextLongs();
        default -> json.skipValue();
      }
    }
    if (type == null || shape == null || offsets == null || offsets.length != 2) {
      throw new IllegalArgumentException(
          "tensor '" + name + "' needs dtype, shape and two data_offsets");
    }
    return new Entry(name, type, shape, offsets[0], offsets[1]);
  }

  /** The format allows neither holes nor overlaps nor anything behind the last tensor. */
  private void checkOffsets() {
    List<Entry> ordered = new ArrayList<>(entries.values());
    ordered.sort(ByOffset.INSTANCE);
    long position = 0;
    for (Entry entry : ordered) {
      if (entry.begin != position || entry.end < entry.begin) {
        throw broken(
            LENGTH_BYTES,
            "tensor '"
                + entry.name
                + "' at bytes "
                + entry.begin
                + " to "
                + entry.end
                + " of the data, where "
                + position
                + " is the next free byte");
      }
      position = entry.end;
      checkSize(entry);
    }
    if (position != file.size() - dataStart) {
      throw broken(
          dataStart,
          "the tensors have "
              + position
              + " bytes, the file holds "
              + (file.size() - dataStart)
              + " bytes of data");
    }
  }

  private void checkSize(Entry entry) {
    DataType type = SafetensorsTypes.type(entry.type);
    if (type == null) {
      return;
    }
    long bytes = type.bits() / 8;
    try {
      for (long size : entry.shape) {
        bytes = Math.multiplyExact(bytes, size < 0 ? Long.MAX_VALUE : size);
      }
    } catch (ArithmeticException overflow) {
      bytes = -1;
    }
    if (bytes != entry.end - entry.begin) {
      throw broken(
          dataStart + entry.begin,
          "tensor '"
              + entry.name
              + "' of type "
              + entry.type
              + Arrays.toString(entry.shape)
              + " has "
              + (entry.end - entry.begin)
              + " bytes");
    }
  }

  private ModelFormatException broken(long offset, String message) {
    return new ModelFormatException(file.file(), offset, message);
  }

  /** Closes the file; tensors stay valid. */
  @Override
  public void close() {
    file.close();
  }

  /** A class, not a lambda: the first lambda costs a cold JVM milliseconds. */
  private static final class ByOffset implements Comparator<Entry> {
    static final ByOffset INSTANCE = new ByOffset();

    @Override
    public int compare(Entry a, Entry b) {
      int order = Long.compare(a.begin, b.begin);
      return order != 0 ? order : Long.compare(a.end, b.end);
    }
  }
}
