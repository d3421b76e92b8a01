package io.github.demitasse.natives;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** Turns what was thrown while loading the native library into a reason and a remedy. */
final class LoadFailure {
  private LoadFailure() {}

  static String explain(Throwable thrown) {
    List<String> messages = messages(thrown);
    return "libdemitasse could not be loaded: "
        + remedy(messages, Platforms.current())
        + " Reported: "
        + String.join("; ", messages);
  }

  /** The causes' messages, innermost last. */
  private static List<String> messages(Throwable thrown) {
    List<String> messages = new ArrayList<>();
    Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Throwable t = thrown; t != null && seen.add(t); t = t.getCause()) {
      String message = t.getMessage() == null ? t.getClass().getName() : t.getMessage();
      if (!messages.contains(message)) messages.add(message);
    }
    return messages;
  }

  static String remedy(List<String> messages, String platform) {
    String all = String.join("\n", messages);
    if (all.contains("failed to map segment") || all.contains("Operation not permitted")) {
      return "the cache folder does not allow executable files (mounted noexec?); set -D"
          + CacheFolder.PROPERTY
          + "=<folder> to one that does.";
    }
    if (all.contains("Could not create the cache") || all.contains("Read-only file system")) {
      return "no cache folder is writable; set -D"
          + CacheFolder.PROPERTY
          + "=<folder> to one that is.";
    }
    if (all.contains("No space left")) {
      return "the cache folder's disk is full; free space or set -D"
          + CacheFolder.PROPERTY
          + "=<folder>.";
    }
    if (all.contains("version `GLIBC") || all.contains("ld-linux") || all.contains("musl")) {
      return "the system's C library is too old or is not glibc (Alpine Linux?).";
    }
    if (all.contains("IllegalCallerException") || all.contains("native access")) {
      return "the JVM denies native access; add --enable-native-access=ALL-UNNAMED (class path) or"
          + " --enable-native-access=io.github.demitasse.natives (module path).";
    }
    String resource = platform + "/libjniDemitasse.so";
    if (LoadFailure.class.getResource(resource) == null) {
      return "the class path has no native library for this platform, "
          + platform
          + "; add the artifact io.github.demitasse:demitasse-native with classifier "
          + platform
          + ", or io.github.demitasse:demitasse-platform.";
    }
    return "the library for " + platform + " is on the class path, but the system refused it.";
  }
}
