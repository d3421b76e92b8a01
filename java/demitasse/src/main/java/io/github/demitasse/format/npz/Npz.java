package io.github.demitasse.format.npz;

import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.AtomicFileWriter;
import io.github.demitasse.tensor.Tensor;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Thread-safe: reads and writes NumPy's .npz files, ZIP archives of named arrays, and single .npy
 * files.
 *
 * <p>Arrays of any byte order, in row or column order, stored or deflated, become row-major
 * little-endian tensors that own their memory; text becomes STRING. Arrays of Python objects and
 * structures are rejected.
 */
public final class Npz {
  private static final String SUFFIX = ".npy";

  /** More than deflate can shrink anything. */
  private static final long BEST_COMPRESSION = 1032;

  private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  private Npz() {}

  /**
   * The arrays of a .npz file by name, in the file's order.
   *
   * @throws ModelFormatException if the file is broken, naming the array
   * @throws UncheckedIOException if it cannot be read
   */
  public static Map<String, Tensor> read(Path file) {
    requireFile(file);
    try (ZipFile zip = new ZipFile(file.toFile())) {
      Map<String, Tensor> arrays = new LinkedHashMap<>();
      for (ZipEntry entry : Collections.list(zip.entries())) {
        String name = entry.getName();
        if (!name.endsWith(SUFFIX)) {
          throw new ModelFormatException(file, -1, "entry '" + name + "' is not an array");
        }
        String key = name.substring(0, name.length() - SUFFIX.length());
        if (arrays.put(key, read(file, zip, entry)) != null) {
          throw new ModelFormatException(file, -1, "array '" + key + "' is there twice");
        }
      }
      return arrays;
    } catch (ZipException | EOFException | IllegalArgumentException broken) {
      throw new ModelFormatException(
          file, -1, "not a valid .npz file: " + broken.getMessage(), broken);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot read " + file + ": " + failed.getMessage(), failed);
    }
  }

  private static Tensor read(Path file, ZipFile zip, ZipEntry entry) throws IOException {
    CRC32 sum = new CRC32();
    try (InputStream content =
        new CheckedInputStream(new BufferedInputStream(zip.getInputStream(entry)), sum)) {
      Tensor tensor = NpyArray.read(content, available(file, entry));
      if (entry.getCrc() >= 0 && sum.getValue() != entry.getCrc()) {
        throw new IllegalArgumentException("its checksum is wrong");
      }
      return tensor;
    } catch (IOException | IllegalArgumentException broken) {
      throw new ModelFormatException(
          file, -1, "array '" + entry.getName() + "': " + broken.getMessage(), broken);
    } catch (OutOfMemoryError tooLarge) {
      throw new ModelFormatException(
          file, -1, "array '" + entry.getName() + "' does not fit into memory", tooLarge);
    }
  }

  /** The most bytes that an entry can have, whatever the archive claims. */
  private static long available(Path file, ZipEntry entry) throws IOException {
    long packed = Math.min(Math.max(0, entry.getCompressedSize()), Files.size(file));
    long bound = entry.getMethod() == ZipEntry.STORED ? packed : packed * BEST_COMPRESSION;
    return entry.getSize() < 0 ? bound : Math.min(bound, entry.getSize());
  }

  /**
   * The array of a .npy file.
   *
   * @throws ModelFormatException if the file is broken
   * @throws UncheckedIOException if it cannot be read
   */
  public static Tensor readArray(Path file) {
    requireFile(file);
    try (InputStream content = new BufferedInputStream(Files.newInputStream(file))) {
      return NpyArray.read(content, Files.size(file));
    } catch (IllegalArgumentException broken) {
      throw new ModelFormatException(
          file, -1, "not a valid .npy file: " + broken.getMessage(), broken);
    } catch (OutOfMemoryError tooLarge) {
      throw new ModelFormatException(file, -1, "the array does not fit into memory", tooLarge);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot read " + file + ": " + failed.getMessage(), failed);
    }
  }

  private static void requireFile(Path file) {
    if (!Files.isRegularFile(file)) {
      String reason = Files.exists(file) ? "it is not a regular file" : "there is no such file";
      FileSystemException cause =
          Files.exists(file)
              ? new FileSystemException(file.toString(), null, reason)
              : new NoSuchFileException(file.toString());
      throw new UncheckedIOException("cannot read " + file + ": " + reason, cause);
    }
  }

  /**
   * Writes a .npz file, not compressed, as {@code numpy.savez} does. Types that NumPy lacks are
   * widened without changing a value: BFLOAT16 to 32-bit float, 4-bit integers to 8 bits.
   *
   * @throws UncheckedIOException if the file cannot be written; then it is left as it was
   * @throws IllegalArgumentException if NumPy has no type for a tensor
   */
  public static void write(Map<String, Tensor> arrays, Path file) {
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      ZipOutputStream zip = new ZipOutputStream(writer.stream());
      for (Map.Entry<String, Tensor> array : arrays.entrySet()) {
        write(zip, array.getKey() + SUFFIX, NpyArray.encode(array.getValue()));
      }
      zip.finish();
      zip.flush();
      writer.commit();
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot write " + file + ": " + failed.getMessage(), failed);
    }
  }

  private static void write(ZipOutputStream zip, String name, ByteBuffer[] parts)
      throws IOException {
    CRC32 sum = new CRC32();
    long size = 0;
    for (ByteBuffer part : parts) {
      sum.update(part.duplicate());
      size += part.remaining();
    }
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setTimeLocal(NO_TIME);
    entry.setCrc(sum.getValue());
    entry.setSize(size);
    entry.setCompressedSize(size);
    zip.putNextEntry(entry);
    byte[] chunk = new byte[1 << 16];
    for (ByteBuffer part : parts) {
      ByteBuffer rest = part.duplicate();
      while (rest.hasRemaining()) {
        int count = Math.min(chunk.length, rest.remaining());
        rest.get(chunk, 0, count);
        zip.write(chunk, 0, count);
      }
    }
    zip.closeEntry();
  }
}
