package io.github.demitasse.cli.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Thread-safe: the most memory that this process ever had resident. */
public final class PeakMemory {
  private PeakMemory() {}

  /** Bytes, from the kernel's high-water mark; null where the system does not tell. */
  public static Long residentBytes() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
      return null;
    } catch (IOException unavailable) {
      return null;
    }
  }
}
