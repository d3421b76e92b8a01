package io.github.demitasse.format;

import io.github.demitasse.ModelFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Thread-safe: a file mapped into memory, of any size. Mapped memory is given back by the collector
 * when nobody holds a slice any more; the file must not shrink until then.
 */
public final class MappedFile implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;
  private final long size;
  private final ByteBuffer whole; // null when larger than one buffer can be

  private MappedFile(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    this.size = channel.size();
    this.whole = size > Integer.MAX_VALUE ? null : map(0, size);
  }

  /**
   * @throws UncheckedIOException if the file cannot be opened
   */
  public static MappedFile open(Path file) {
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      if (Files.isDirectory(file)) {
        throw new FileSystemException(file.toString(), null, "it is a folder");
      }
      return new MappedFile(file, channel);
    } catch (IOException failed) {
      closeQuietly(channel, failed);
      String reason =
          failed instanceof NoSuchFileException ? "there is no such file" : failed.getMessage();
      throw new UncheckedIOException("cannot read " + file + ": " + reason, failed);
    }
  }

  private static void closeQuietly(FileChannel channel, IOException failed) {
    if (channel != null) {
      try {
        channel.close();
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
   * A read-only, direct, little-endian view of a part of the file.
   *
   * @throws ModelFormatException if the part lies outside the file or exceeds 2 GiB
   */
  public ByteBuffer slice(long offset, long length) {
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
    try {
      ByteBuffer part =
          whole != null ? whole.slice((int) offset, (int) length) : map(offset, length);
      return part.order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private ByteBuffer map(long offset, long length) throws IOException {
    return channel.map(FileChannel.MapMode.READ_ONLY, offset, length);
  }

  /** Closes the file; slices stay valid. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
