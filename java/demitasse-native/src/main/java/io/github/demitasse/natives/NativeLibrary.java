package io.github.demitasse.natives;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * Thread-safe: loads libdemitasse and tells what it found.
 *
 * <p>The library is taken from the classifier jar of this platform (such as {@code
 * demitasse-native-linux-x86_64}) and unpacked into JavaCPP's cache: {@code ~/.javacpp/cache}, or
 * the folder named by the system property {@code org.bytedeco.javacpp.cachedir}. On a class path of
 * plain folders it is loaded from where it is.
 */
public final class NativeLibrary {
  private NativeLibrary() {}

  /**
   * Loads the library unless that has been done.
   *
   * @throws UnsatisfiedLinkError if it cannot be loaded; the message tells why and what to do
   */
  public static void load() {
    if (Holder.failure != null) {
      UnsatisfiedLinkError error = new UnsatisfiedLinkError(Holder.failure);
      error.initCause(Holder.cause);
      throw error;
    }
  }

  /** Version of the native library, such as {@code 0.1.0}. */
  public static String version() {
    load();
    return Demitasse.dmt_version();
  }

  /**
   * The instruction set level in use: {@code scalar}, {@code avx2} or {@code avx512}. The
   * environment variable {@code DEMITASSE_ISA} caps it.
   */
  public static String isa() {
    load();
    return Demitasse.dmt_isa();
  }

  /** CPU features that kernels ask for and this CPU has, such as {@code avx512_vnni}. */
  public static List<String> features() {
    load();
    String features = Demitasse.dmt_cpu_features();
    return features.isEmpty() ? List.of() : List.of(features.split(" "));
  }

  /** Threads that this process may use: its CPU affinity, lowered by the container's CPU limit. */
  public static int availableThreads() {
    load();
    return Demitasse.dmt_available_threads();
  }

  private static void loadFile(Path file) throws IOException {
    try {
      System.load(file.toString());
    } catch (UnsatisfiedLinkError failure) {
      if (!failure.getMessage().contains("already loaded in another classloader")) {
        throw failure;
      }
      // The JVM gives a file to one class loader only. A copy will do for the bindings; the system
      // gives it the library behind them that is there already, with its one pool of threads.
      Path copy = Files.createTempFile(file.getParent(), "copy-", file.getFileName().toString());
      try {
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
        System.load(copy.toString());
      } finally {
        copy.toFile().delete(); // what is loaded stays; Windows refuses and keeps the file
      }
    }
  }

  /** Tried once per class loader: a second attempt could not end differently. */
  private static final class Holder {
    static final Throwable cause;
    static final String failure;

    static {
      Throwable thrown = null;
      try {
        Path file = LibraryFile.find(Platforms.current());
        if (file == null) {
          throw new UnsatisfiedLinkError("no native library for " + Platforms.current());
        }
        loadFile(file);
      } catch (IOException | LinkageError | RuntimeException e) {
        thrown = e;
      }
      cause = thrown;
      failure = thrown == null ? null : LoadFailure.explain(thrown);
    }
  }
}
