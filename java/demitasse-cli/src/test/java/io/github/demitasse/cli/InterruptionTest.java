package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import io.github.demitasse.Model;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C and its kind, at any moment: the target is there complete or as it was before. */
class InterruptionTest {
  @TempDir Path folder;

  private Process start(Path out) throws Exception {
    List<String> command =
        Cli.process(List.of(), "compress", TestFiles.miniLm(), "--preset", "int8", "-o", out);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(new File("/dev/null"))
        .start();
  }

  private static void signal(Process process, String signal) throws Exception {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
        .redirectErrorStream(true)
        .redirectOutput(new File("/dev/null"))
        .start()
        .waitFor();
  }

  @Test
  void whileTheFileIsBeingWritten() throws Exception {
    Path out = folder.resolve("out.dmt");
    for (String signal : List.of("INT", "TERM")) {
      Process process = caughtWriting(out);
      signal(process, signal);
      int code = process.waitFor();
      assertEquals(List.of("out.dmt"), Cli.files(folder), signal);
      if (code != 0 && Files.size(out) == 3) {
        assertEquals("old", Files.readString(out));
      } else {
        Model.load(out);
      }
    }
  }

  /** A process whose temporary file was just seen; writing takes milliseconds, so some get away. */
  private Process caughtWriting(Path out) throws Exception {
    for (int attempt = 0; attempt < 10; attempt++) {
      Files.writeString(out, "old");
      Process process = start(out);
      while (Cli.files(folder).size() < 2 && process.isAlive()) {
        Thread.onSpinWait();
      }
      if (process.isAlive()) {
        return process;
      }
    }
    return abort("no file was caught being written in ten attempts");
  }

  @Test
  void atRandomMoments() throws Exception {
    Path out = folder.resolve("out.dmt");
    long start = System.nanoTime();
    assertEquals(0, start(out).waitFor());
    long whole = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    Files.delete(out);
    Random random = new Random(7);
    for (int i = 0; i < 5; i++) {
      Process process = start(out);
      if (!process.waitFor(
          (long) (whole * (0.3 + 0.7 * random.nextDouble())), TimeUnit.MILLISECONDS)) {
        signal(process, i % 2 == 0 ? "INT" : "TERM");
      }
      int code = process.waitFor();
      if (Files.exists(out)) {
        Model.load(out);
        Files.delete(out);
      } else {
        assertNotEquals(0, code);
      }
      assertEquals(List.of(), Cli.files(folder));
    }
    assertFalse(Files.exists(out));
  }
}
