package io.github.demitasse.natives;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A JVM of its own that loads the native library and prints {@code isa=} and its level. */
final class ChildJvm {
  /**
   * @param output without the warnings about native access of JDK 24 and newer
   */
  record Run(int exitCode, String output) {}

  private ChildJvm() {}

  /** Its main class. */
  static final class PrintIsa {
    public static void main(String[] arguments) {
      System.out.println("isa=" + NativeLibrary.isa());
    }
  }

  static Run run(String classPath) throws IOException, InterruptedException {
    return run(builder(classPath));
  }

  static Run run(ProcessBuilder java) throws IOException, InterruptedException {
    return await(java.start());
  }

  static ProcessBuilder builder(String classPath, String... options) {
    List<String> command =
        Stream.of(
                Stream.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()),
                Stream.of(options),
                Stream.of("-cp", classPath, PrintIsa.class.getName()))
            .flatMap(part -> part)
            .toList();
    return new ProcessBuilder(command).redirectErrorStream(true);
  }

  static Run await(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    String text =
        output
            .lines()
            .filter(line -> !line.startsWith("WARNING") && !line.isBlank())
            .collect(Collectors.joining("\n"));
    return new Run(process.exitValue(), text);
  }

  static Path testClasses() throws Exception {
    return folderOf(ChildJvm.class);
  }

  /** Copies the module's classes and native libraries. */
  static void copyClasses(Path to, Predicate<Path> which) throws Exception {
    Path classes = folderOf(NativeLibrary.class);
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).filter(which).toList()) {
        Path target = to.resolve(classes.relativize(file).toString());
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
      }
    }
  }

  private static Path folderOf(Class<?> type) throws Exception {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}
