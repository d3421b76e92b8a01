package io.github.demitasse.format;

import io.github.demitasse.ModelFormatException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Thread-safe: a file mapped into memory, of any size. Mapped memory is given back by the collector
 * when nobody holds a slice any more; the file must not shrink until then.
 */
public final class MappedFile implements AutoCloseable {
  private final Path file;
  private final RandomAccessFile content;
  private final long size;
  private ByteBuffer whole; // null before it is mapped, and when larger than one buffer can be

  private MappedFile(Path file, RandomAccessFile content) throws IOException {
    this.file = file;
    this.content = content;
    this.size = content.length();
  }

  /**
   * @throws UncheckedIOException if the file cannot be opened
   */
  public static MappedFile open(Path file) {
    RandomAccessFile content = null;
    try {
      content = new RandomAccessFile(file.toFile(), "r");
      return new MappedFile(file, content);
    } catch (IOException failed) {
      closeQuietly(content, failed);
      String reason =
          Files.isDirectory(file)
              ? "it is a folder"
              : Files.exists(file) ? failed.getMessage() : "there is no such file";
      throw new UncheckedIOException("cannot read " + file + ": " + reason, failed);
    }
  }

  private static void closeQuietly(RandomAccessFile content, IOException failed) {
    if (content != null) {
      try {
        content.close();
      } catch (IOException alsoFailed) {
        failed.addSuppressed(alsoFailed);
      }
    }
  }

  public Path file() {
    return file;
  }

  public long size() {
    return size;
  }

  /**
   * Begins to map the file on another thread, for a caller who first reads some of it: mapping the
   * first file takes a cold JVM 10 ms, those of JDK 25 up to 40.
   */
  public void mapAhead() {
    Thread thread = new Thread(new Ahead(), "demitasse-map");
    thread.setDaemon(true);
    thread.start();
  }

  private final class Ahead implements Runnable {
    @Override
    public void run() {
      try {
        whole();
      } catch (IOException failed) {
        // the first slice fails in the same way and tells
      }
    }
  }

  /**
   * Copies a part of the file, without mapping it.
   *
   * @throws ModelFormatException if the part lies outside the file or exceeds 2 GiB
   */
  public byte[] read(long offset, long length) {
    check(offset, length);
    byte[] bytes = new byte[(int) length];
    try {
      synchronized (content) {
        content.seek(offset);
        content.readFully(bytes);
      }
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
    return bytes;
  }

  /**
   * A read-only, direct, little-endian view of a part of the file.
   *
   * @throws ModelFormatException if the part lies outside the file or exceeds 2 GiB
   */
  public ByteBuffer slice(long offset, long length) {
    check(offset, length);
    try {
      ByteBuffer all = whole();
      ByteBuffer part = all != null ? all.slice((int) offset, (int) length) : map(offset, length);
      return part.order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private void check(long offset, long length) {
    if (offset < 0 || length < 0 || offset > size || length > size - offset) {
      throw new ModelFormatException(
          file,
          offset,
          length + " bytes are expected here, but the file has only " + size + " bytes");
    }
    if (length > Integer.MAX_VALUE) {
      throw new ModelFormatException(
          file, offset, length + " bytes in one piece; at most 2 GiB are supported");
    }
  }

  private synchronized ByteBuffer whole() throws IOException {
    if (whole == null && size <= Integer.MAX_VALUE) {
      whole = map(0, size);
    }
    return whole;
  }

  private ByteBuffer map(long offset, long length) throws IOException {
    return content.getChannel().map(FileChannel.MapMode.READ_ONLY, offset, length);
  }

  /** Closes the file; slices stay valid. */
  @Override
  public synchronized void close() {
    try {
      content.close();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
