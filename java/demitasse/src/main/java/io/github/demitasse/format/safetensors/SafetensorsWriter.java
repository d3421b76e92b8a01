package io.github.demitasse.format.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.format.AtomicFileWriter;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: writes safetensors files in which each tensor begins at a multiple of 64 bytes of
 * the file, so that a mapped file can be computed with in place.
 *
 * <p>The format allows no holes. So the header is filled up with spaces, and a tensor whose size is
 * not a multiple of 64 is followed by a U8 tensor of zeros named {@code __padding__.N}. Types that
 * the format does not have are stored as U8 bytes; whoever reads them must know the type and shape.
 */
public final class SafetensorsWriter {
  /** Each tensor begins at a multiple of this many bytes. */
  public static final int ALIGNMENT = 64;

  /** Names of padding begin so. */
  public static final String PADDING = "__padding__.";

  private record Entry(String name, String type, long[] shape, long begin, long bytes) {}

  private SafetensorsWriter() {}

  /**
   * @param metadata free text by key
   * @throws UncheckedIOException if the file cannot be written; then it is left as it was
   * @throws IllegalArgumentException if a tensor has a name that is reserved
   */
  public static void write(Map<String, Tensor> tensors, Map<String, String> metadata, Path file) {
    List<Entry> entries = layOut(tensors);
    byte[] header = header(entries, metadata);
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      writer.write(length.putLong(0, header.length), ByteBuffer.wrap(header));
      for (Entry entry : entries) {
        Tensor tensor = tensors.get(entry.name);
        writer.write(tensor == null ? ByteBuffer.allocate((int) entry.bytes) : tensor.buffer());
      }
      writer.commit();
    }
  }

  /** Whether the format has this type; others are stored as bytes. */
  public static boolean hasType(DataType type) {
    return SafetensorsTypes.name(type) != null;
  }

  private static List<Entry> layOut(Map<String, Tensor> tensors) {
    List<Entry> entries = new ArrayList<>();
    long position = 0;
    for (Map.Entry<String, Tensor> named : tensors.entrySet()) {
      String name = named.getKey();
      if (name.startsWith(PADDING) || name.equals(SafetensorsFile.METADATA)) {
        throw new IllegalArgumentException("a tensor cannot be named '" + name + "'");
      }
      Tensor tensor = named.getValue();
      String type = SafetensorsTypes.name(tensor.type());
      long bytes = tensor.byteSize();
      entries.add(
          type != null
              ? new Entry(name, type, tensor.shape(), position, bytes)
              : new Entry(name, "U8", new long[] {bytes}, position, bytes));
      position += bytes;
      long padding = -position & (ALIGNMENT - 1);
      if (padding > 0) {
        entries.add(
            new Entry(PADDING + entries.size(), "U8", new long[] {padding}, position, padding));
        position += padding;
      }
    }
    return entries;
  }

  private static byte[] header(List<Entry> entries, Map<String, String> metadata) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
      json.writeStartObject();
      json.writeObjectFieldStart(SafetensorsFile.METADATA);
      for (Map.Entry<String, String> entry : metadata.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      for (Entry entry : entries) {
        json.writeObjectFieldStart(entry.name);
        json.writeStringField("dtype", entry.type);
        json.writeFieldName("shape");
        json.writeArray(entry.shape, 0, entry.shape.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {entry.begin, entry.begin + entry.bytes}, 0, 2);
        json.writeEndObject();
      }
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    int padded = bytes.size() + (-(bytes.size() + Long.BYTES) & (ALIGNMENT - 1));
    if (padded > SafetensorsFile.LONGEST_HEADER) {
      throw new IllegalArgumentException(
          "the header would have " + padded + " bytes; the format allows 100,000,000");
    }
    byte[] header = Arrays.copyOf(bytes.toByteArray(), padded);
    Arrays.fill(header, bytes.size(), padded, (byte) ' ');
    return header;
  }
}
