package io.github.demitasse.cli;

import io.github.demitasse.compress.Report;
import io.github.demitasse.format.AtomicFileWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Thread-safe: writes a report as JSON. */
final class ReportFile {
  private ReportFile() {}

  static void write(Path file, Report report) {
    byte[] json = (Output.toJson(report) + "\n").getBytes(StandardCharsets.UTF_8);
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      writer.write(ByteBuffer.wrap(json));
      writer.commit();
    }
  }
}
