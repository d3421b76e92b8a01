package io.github.demitasse.natives;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Thread-safe: the native libraries as files: where they are if the class path has them in a
 * folder, else unpacked from their jar into the {@link CacheFolder}, once.
 *
 * <p>They are unpacked into a folder of their own, named after their content, so that versions lie
 * side by side. It gets this name when it is complete, by one rename: processes that start at the
 * same time, or are killed meanwhile, do no harm.
 */
final class LibraryFile {
  /** The bindings, which find the library they link to beside them. */
  private static final String BINDINGS = System.mapLibraryName("jniDemitasse");

  private static final String LIBRARY = System.mapLibraryName("demitasse");

  private LibraryFile() {}

  /**
   * The file to load for a platform; null if the class path has none.
   *
   * @throws IOException if it cannot be unpacked
   */
  static Path find(String platform) throws IOException {
    URL bindings = LibraryFile.class.getResource(platform + "/" + BINDINGS);
    URL library = LibraryFile.class.getResource(platform + "/" + LIBRARY);
    if (bindings == null || library == null) {
      return null;
    }
    if (bindings.getProtocol().equals("file")) {
      return Path.of(decoded(bindings.toString()));
    }
    Content first = Content.of(bindings);
    Content second = Content.of(library);
    String name = "demitasse-" + first.key() + "-" + second.key();
    Path folder = CacheFolder.choose(name);
    if (!isComplete(folder, first, second)) {
      unpack(folder, first, second);
    }
    return folder.resolve(BINDINGS);
  }

  /** The path in a URL of a file. */
  private static String decoded(String fileUrl) {
    try {
      return new File(URI.create(fileUrl)).getPath();
    } catch (IllegalArgumentException unescaped) { // class loaders take such URLs, too
      return fileUrl.substring("file:".length());
    }
  }

  private static boolean isComplete(Path folder, Content bindings, Content library) {
    return folder.resolve(BINDINGS).toFile().length() == bindings.size
        && folder.resolve(LIBRARY).toFile().length() == library.size;
  }

  private static void unpack(Path folder, Content bindings, Content library) throws IOException {
    Path unfinished = Files.createTempDirectory(folder.getParent(), "unpacking-");
    try {
      bindings.copyTo(unfinished.resolve(BINDINGS));
      library.copyTo(unfinished.resolve(LIBRARY));
      try {
        Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
      } catch (FileSystemException occupied) {
        if (!isComplete(folder, bindings, library)) { // else another process was faster
          replace(folder, unfinished);
        }
      }
    } finally {
      delete(unfinished);
    }
  }

  /** Puts a folder in the place of one that was damaged after it had been unpacked. */
  private static void replace(Path damaged, Path by) throws IOException {
    Path aside = Files.createTempDirectory(damaged.getParent(), "damaged-");
    try {
      Files.move(damaged, aside, StandardCopyOption.ATOMIC_MOVE); // an empty folder gives way
      Files.move(by, damaged, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      delete(aside);
    }
  }

  private static void delete(Path folder) throws IOException {
    Files.deleteIfExists(folder.resolve(BINDINGS));
    Files.deleteIfExists(folder.resolve(LIBRARY));
    Files.deleteIfExists(folder);
  }

  /** One library in its jar: size and checksum, which jars tell without being unpacked. */
  private record Content(URL url, long size, long checksum) {
    private static final String INSIDE = "!/";

    static Content of(URL url) throws IOException {
      String place = url.getFile(); // file:/folder/natives.jar!/package/library
      int end = place.indexOf(INSIDE);
      if (place.startsWith("file:") && end >= 0 && end == place.lastIndexOf(INSIDE)) {
        try (ZipFile archive = new ZipFile(decoded(place.substring(0, end)))) {
          ZipEntry entry = archive.getEntry(place.substring(end + INSIDE.length()));
          if (entry != null && entry.getSize() >= 0 && entry.getCrc() >= 0) {
            return new Content(url, entry.getSize(), entry.getCrc());
          }
        }
      }
      byte[] bytes = read(url); // a jar within a jar, or what other class loaders think of
      CRC32 checksum = new CRC32();
      checksum.update(bytes);
      return new Content(url, bytes.length, checksum.getValue());
    }

    String key() {
      return Long.toHexString(checksum) + "-" + Long.toHexString(size);
    }

    void copyTo(Path file) throws IOException {
      byte[] bytes = read(url);
      if (bytes.length != size) {
        throw new IOException(url + " has changed");
      }
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
        channel.force(true); // before the name of the folder says that it is complete
      }
    }

    private static byte[] read(URL url) throws IOException {
      try (InputStream stream = url.openStream()) {
        return stream.readAllBytes();
      }
    }
  }
}
