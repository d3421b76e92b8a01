package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Runs commands in this JVM, or in one of their own. */
final class Cli {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Cli() {}

  /** What a command left behind. */
  record Result(int code, String out, String err) {
    /** The one JSON object of a command that was done. */
    JsonNode json() {
      assertEquals(0, code, err);
      try {
        return JSON.readTree(out);
      } catch (IOException notOneObject) {
        throw new UncheckedIOException(out, notOneObject);
      }
    }

    /** Asserts failure with one line that contains all the texts. */
    void failed(String... texts) {
      assertEquals(1, code, err);
      assertEquals("", out);
      assertEquals(1, err.lines().count(), err);
      assertTrue(err.startsWith("demitasse: "), err);
      for (String text : texts) {
        assertTrue(err.contains(text), "'" + text + "' in: " + err);
      }
    }

    /** Asserts wrong usage, said in one line that contains the text, and one that helps. */
    void misused(String text) {
      assertEquals(2, code, err);
      assertEquals("", out);
      List<String> lines = err.lines().toList();
      assertEquals(2, lines.size(), err);
      assertTrue(lines.get(0).startsWith("demitasse: ") && lines.get(0).contains(text), err);
      assertTrue(lines.get(1).startsWith("Try: demitasse"), err);
    }
  }

  static Result run(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] texts = Stream.of(arguments).map(Object::toString).toArray(String[]::new);
    int code = Main.execute(new PrintWriter(out), new PrintWriter(err), texts);
    return new Result(code, out.toString(), err.toString());
  }

  /** The command line of a process of its own. */
  static List<String> process(List<String> javaOptions, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    // What the executable jar's manifest says; without it, JDK 25 warns on standard error.
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--add-exports=java.base/sun.nio.ch=ALL-UNNAMED");
    command.add("--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED");
    command.add("-Dorg.bytedeco.javacpp.cachedir=" + cacheFolder());
    command.addAll(javaOptions);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(Main.class.getName());
    Stream.of(arguments).map(Object::toString).forEach(command::add);
    return command;
  }

  private static String cacheFolder() {
    return System.getProperty(
        "org.bytedeco.javacpp.cachedir",
        Path.of(System.getProperty("user.home"), ".javacpp", "cache").toString());
  }

  /** Runs a process to its end. */
  static Result run(ProcessBuilder builder) throws IOException, InterruptedException {
    Path err = Files.createTempFile("demitasse", ".err");
    try {
      Process process = builder.redirectError(err.toFile()).start();
      String out = new String(process.getInputStream().readAllBytes());
      return new Result(process.waitFor(), out, Files.readString(err));
    } finally {
      Files.delete(err);
    }
  }

  /** Names of all files in a folder, hidden ones too. */
  static List<String> files(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
