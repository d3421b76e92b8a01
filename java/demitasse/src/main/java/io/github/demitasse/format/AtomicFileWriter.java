package io.github.demitasse.format;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Not thread-safe: writes a file that appears complete under its name or not at all.
 *
 * <pre>{@code
 * try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
 *   writer.write(bytes);
 *   writer.commit();
 * }
 * }</pre>
 *
 * <p>The content goes to a hidden temporary file in the same folder; {@link #commit()} brings it to
 * the disk and moves it onto the target in one step, so that a reader of an older file of this name
 * keeps what it has. Closing without commit, an interrupt of the thread, and the end of the JVM
 * delete the temporary file.
 */
public final class AtomicFileWriter implements AutoCloseable {
  private final Path target;
  private final Path temporary;
  private final FileChannel channel;
  private final Thread cleaner;
  private long position;
  private boolean closed;

  private AtomicFileWriter(Path target, Path temporary, FileChannel channel, Thread cleaner) {
    this.target = target;
    this.temporary = temporary;
    this.channel = channel;
    this.cleaner = cleaner;
  }

  /** Deletes the temporary file when the JVM ends, and lets none be created from then on. */
  private static final class Cleaner extends Thread {
    private final Path file;
    private boolean ended;

    Cleaner(Path file) {
      super("demitasse-cleaner");
      this.file = file;
    }

    synchronized FileChannel open() throws IOException {
      if (ended) {
        throw new IllegalStateException("shutdown in progress");
      }
      return FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    @Override
    public synchronized void run() {
      ended = true;
      deleteQuietly(file);
    }
  }

  /**
   * @param file may exist already: then it is replaced; a symbolic link is followed
   * @throws UncheckedIOException if the file cannot be written, saying why
   */
  public static AtomicFileWriter create(Path file) {
    Path target = file.toAbsolutePath().normalize();
    Path temporary = null;
    try {
      if (Files.exists(target)) {
        target = target.toRealPath();
        if (!Files.isRegularFile(target)) {
          throw new IOException("it is not a regular file");
        }
        if (!Files.isWritable(target)) {
          throw new IOException("it is read-only");
        }
      }
      Path folder = target.getParent();
      if (folder == null || !Files.isDirectory(folder)) {
        throw new IOException("the folder " + folder + " does not exist");
      }
      temporary =
          folder.resolve("." + target.getFileName() + "." + UUID.randomUUID() + ".temporary");
      Cleaner cleaner = new Cleaner(temporary);
      Runtime.getRuntime().addShutdownHook(cleaner);
      try {
        return new AtomicFileWriter(target, temporary, cleaner.open(), cleaner);
      } catch (IOException | RuntimeException failed) {
        Runtime.getRuntime().removeShutdownHook(cleaner);
        throw failed;
      }
    } catch (IOException failed) {
      throw failure(file, failed);
    } catch (IllegalStateException shuttingDown) {
      throw failure(file, new IOException("the JVM is shutting down", shuttingDown));
    }
  }

  /** Writes all remaining bytes of each buffer; the buffers' positions are left as they are. */
  public void write(ByteBuffer... buffers) {
    try {
      for (ByteBuffer buffer : buffers) {
        ByteBuffer rest = buffer.duplicate();
        while (rest.hasRemaining()) {
          position += channel.write(rest);
        }
      }
    } catch (IOException failed) {
      throw failure(target, failed);
    }
  }

  /** Writes to this file; closing the stream does nothing. */
  public OutputStream stream() {
    return new OutputStream() {
      @Override
      public void write(int value) {
        AtomicFileWriter.this.write(ByteBuffer.wrap(new byte[] {(byte) value}));
      }

      @Override
      public void write(byte[] bytes, int offset, int length) {
        AtomicFileWriter.this.write(ByteBuffer.wrap(bytes, offset, length));
      }
    };
  }

  /** Bytes written up to now. */
  public long position() {
    return position;
  }

  /** Makes the file appear under its name. Nothing can be written afterwards. */
  public void commit() {
    try {
      channel.force(true);
      channel.close();
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failed) {
      throw failure(target, failed);
    }
    syncFolder();
  }

  /**
   * Makes the move itself durable; where a folder cannot be synced, the file is complete anyway.
   */
  private void syncFolder() {
    try (FileChannel folder = FileChannel.open(target.getParent(), StandardOpenOption.READ)) {
      folder.force(true);
    } catch (IOException unsupported) {
      return;
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      channel.close();
    } catch (IOException failed) {
      throw failure(target, failed);
    } finally {
      deleteQuietly(temporary);
      removeHook();
    }
  }

  private void removeHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(cleaner);
    } catch (IllegalStateException shuttingDown) {
      return; // then it runs, and finds nothing to delete
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException stays) {
      return; // a hidden file stays behind; whatever made the writer fail is the thing to tell
    }
  }

  private static UncheckedIOException failure(Path file, IOException cause) {
    String reason = cause.getMessage();
    if (cause instanceof ClosedByInterruptException) {
      reason = "interrupted";
    } else if (cause instanceof AccessDeniedException) {
      reason = "access to its folder is denied";
    } else if (cause instanceof NoSuchFileException) {
      reason = "no file can be created in its folder";
    }
    return new UncheckedIOException(
        "cannot write " + file + ": " + reason, new IOException(reason, cause));
  }
}
