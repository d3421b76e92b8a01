package io.github.demitasse.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileWriterTest {
  @TempDir Path folder;

  @Test
  void theFileAppearsOnCommitOnly() throws IOException {
    Path file = folder.resolve("a");
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      writer.write(ByteBuffer.wrap(new byte[] {1, 2}), ByteBuffer.wrap(new byte[] {3}));
      assertEquals(3, writer.position());
      assertTrue(Files.notExists(file));
      writer.commit();
      assertEquals(List.of("a"), names());
    }
    assertEquals(3, Files.size(file));
  }

  @Test
  void withoutCommitTheOldFileStaysAndNothingElse() throws IOException {
    Path file = folder.resolve("a");
    Files.writeString(file, "old");
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      writer.write(ByteBuffer.wrap(new byte[100]));
    }
    assertEquals("old", Files.readString(file));
    assertEquals(List.of("a"), names());
  }

  @Test
  void anInterruptLeavesNothingBehind() throws IOException {
    Path file = folder.resolve("a");
    Thread.currentThread().interrupt();
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      UncheckedIOException failed =
          assertThrows(
              UncheckedIOException.class, () -> writer.write(ByteBuffer.wrap(new byte[100])));
      assertEquals("cannot write " + file + ": interrupted", failed.getMessage());
    } finally {
      assertTrue(Thread.interrupted());
    }
    assertEquals(List.of(), names());
  }

  @Test
  void aMissingFolderIsNamed() {
    Path file = folder.resolve("missing").resolve("a");
    UncheckedIOException failed =
        assertThrows(UncheckedIOException.class, () -> AtomicFileWriter.create(file));
    assertEquals(
        "cannot write " + file + ": the folder " + file.getParent() + " does not exist",
        failed.getMessage());
  }

  @Test
  void aFolderInPlaceOfTheFileIsAnError() throws IOException {
    Path file = Files.createDirectory(folder.resolve("a"));
    UncheckedIOException failed =
        assertThrows(UncheckedIOException.class, () -> AtomicFileWriter.create(file));
    assertTrue(failed.getMessage().contains("not a regular file"), failed.getMessage());
  }

  @Test
  void aReadOnlyFileIsAnError() throws IOException {
    Path file = folder.resolve("a");
    Files.writeString(file, "old");
    assertTrue(file.toFile().setReadOnly());
    assumeFalse(Files.isWritable(file), "this user may write everything");
    UncheckedIOException failed =
        assertThrows(UncheckedIOException.class, () -> AtomicFileWriter.create(file));
    assertTrue(failed.getMessage().contains("read-only"), failed.getMessage());
  }

  @Test
  void aLinkIsFollowed() throws IOException {
    Path file = folder.resolve("a");
    Files.writeString(file, "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), file);
    try (AtomicFileWriter writer = AtomicFileWriter.create(link)) {
      writer.write(ByteBuffer.wrap("new".getBytes()));
      writer.commit();
    }
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("new", Files.readString(file));
  }

  @Test
  void aFullDiskIsToldAndLeavesTheOldFile() throws IOException {
    Configuration small =
        Configuration.unix().toBuilder().setMaxSize(1 << 20).setBlockSize(4096).build();
    try (FileSystem disk = Jimfs.newFileSystem(small)) {
      Path file = disk.getPath("/work/a");
      Files.writeString(file, "old");
      try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
        UncheckedIOException failed =
            assertThrows(
                UncheckedIOException.class, () -> writer.write(ByteBuffer.allocate(1 << 21)));
        assertTrue(failed.getMessage().startsWith("cannot write /work/a: "));
        assertTrue(failed.getMessage().contains("disk space"), failed.getMessage());
      }
      assertEquals("old", Files.readString(file));
      try (Stream<Path> files = Files.list(disk.getPath("/work"))) {
        assertEquals(1, files.count());
      }
    }
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
