package io.github.demitasse.natives;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Thread-safe: where libraries are unpacked: JavaCPP's cache, so that one property moves them all.
 */
final class CacheFolder {
  static final String PROPERTY = "org.bytedeco.javacpp.cachedir";

  private CacheFolder() {}

  /**
   * The folder {@code name}, which need not exist, in the first cache that has it, else in the
   * first one that can be written to: that of the property, alone if it is set; that of the home
   * folder; one in the folder for temporary files.
   *
   * @throws IOException if none can be written to
   */
  static Path choose(String name) throws IOException {
    String given = System.getProperty(PROPERTY);
    if (given != null && !given.isEmpty()) {
      return in(Path.of(given), name);
    }
    try {
      return in(Path.of(System.getProperty("user.home"), ".javacpp", "cache"), name);
    } catch (IOException notThere) {
      try {
        return in(temporary(), name);
      } catch (IOException nowhere) {
        nowhere.addSuppressed(notThere);
        throw nowhere;
      }
    }
  }

  /** A cache that has the folder may be read-only, such as one in an image of a container. */
  private static Path in(Path cache, String name) throws IOException {
    Path folder = cache.resolve(name);
    if (folder.toFile().isDirectory()) {
      return folder;
    }
    try {
      Files.createDirectories(cache);
    } catch (IOException failed) {
      throw new IOException("Could not create the cache folder " + cache + ": " + failed, failed);
    }
    if (!Files.isWritable(cache)) {
      throw new IOException("Could not create the cache: no permission to write to " + cache);
    }
    return folder;
  }

  /**
   * Others may write to the folder for temporary files: what is loaded from there must lie in a
   * folder that is this user's alone.
   */
  private static Path temporary() throws IOException {
    String user = System.getProperty("user.name");
    Path own = Path.of(System.getProperty("java.io.tmpdir"), ".javacpp-" + user);
    if (!Files.getFileStore(own.getParent())
        .supportsFileAttributeView(PosixFileAttributeView.class)) {
      return own.resolve("cache");
    }
    if (!Files.exists(own)) {
      Files.createDirectory(
          own, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    PosixFileAttributes attributes = Files.readAttributes(own, PosixFileAttributes.class);
    Set<PosixFilePermission> permissions = attributes.permissions();
    boolean mine =
        attributes.owner().getName().equals(user)
            && !permissions.contains(PosixFilePermission.GROUP_WRITE)
            && !permissions.contains(PosixFilePermission.OTHERS_WRITE);
    if (!mine) {
      throw new IOException("Could not create the cache: others may write to " + own);
    }
    return own.resolve("cache");
  }
}
